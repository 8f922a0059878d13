// @ts-check
// Two questions over one WebSocket, side by side. Needs Node 22, a browser, or node --experimental-websocket.
// Over a network use wss://: TLS is all that protects this. docs/websocket.md shows the sealed form.
const routerUrl = process.env.SOTTO_BASE_URL ?? 'http://127.0.0.1:12434';
const apiKey = process.env.SOTTO_API_KEY ?? 'none';
const model = process.env.SOTTO_MODEL ?? 'sotto-tiny';

// A browser cannot set header fields here: the key goes as a subprotocol, and the router does not repeat it.
const key = Buffer.from(apiKey).toString('base64url');
const socket = new WebSocket(`${routerUrl.replace('http', 'ws')}/v1/chat/completions`, [
  'sotto.v1',
  `sotto.key.${key}`,
]);

/** @type {Record<string, string>} */
const questions = { france: 'What is the capital of France?', italy: 'What is the capital of Italy?' };
/** @type {Record<string, string>} */
const answers = {};

socket.onopen = () => {
  console.log('open, as', socket.protocol);
  for (const [request_id, content] of Object.entries(questions)) {
    socket.send(JSON.stringify({ request_id, model, temperature: 0, messages: [{ role: 'user', content }] }));
  }
};

let open = Object.keys(questions).length;
socket.onmessage = (/** @type {{ data: string }} */ { data }) => {
  const { request_id: id, choices, error } = JSON.parse(data);
  if (error) throw new Error(`${error.code}: ${error.message}`);
  answers[id] = (answers[id] ?? '') + (choices[0].delta.content ?? '');
  if (choices[0].finish_reason) open--;
  if (open === 0) socket.close(1000);
};

socket.onclose = (/** @type {{ code: number }} */ { code }) => {
  for (const id of Object.keys(questions)) console.log(`${id}: ${answers[id]}`);
  console.log('closed with', code);
};
