// The page: what is typed goes to the channel, what comes back goes on the page.
import { ask, channelTo } from './channel.js';
import { errorInWords, stepInWords, TRUST_IN_WORDS } from './words.js';

const byId = (id) => document.getElementById(id);
const form = byId('chat');
const conversation = [];
let stopping = new AbortController();

function addMessage(role, text = '') {
  const item = document.createElement('li');
  item.dataset.role = role;
  item.textContent = text;
  byId('messages').append(item);
  return item;
}

function showAttestation({ attestation }) {
  const items = attestation.steps.map((step) => {
    const item = document.createElement('li');
    item.dataset.status = step.status;
    item.textContent = stepInWords(step);
    return item;
  });
  byId('attestation').replaceChildren(...items);
}

async function showChannel(channel, signal) {
  const { protocol, suite, postQuantum, keyFingerprint, trust } = await channel.connection(signal);
  byId('protocol').textContent = `${protocol}, encrypted to the router's own key`;
  byId('suite').textContent = `${suite} (${postQuantum ? 'post-quantum' : 'not post-quantum'})`;
  byId('fingerprint').textContent = keyFingerprint;
  byId('trust').textContent = TRUST_IN_WORDS[trust];
}

async function answer(fields, question, item) {
  const { signal } = stopping;
  const messages = [...conversation, { role: 'user', content: question }];
  const channel = channelTo(fields.router, fields.identity, fields.policy);
  try {
    await showChannel(channel, signal);
  } finally {
    showAttestation(channel);
  }
  for await (const text of ask(channel, { ...fields, messages }, signal)) item.textContent += text;
  conversation.push(messages.at(-1), { role: 'assistant', content: item.textContent });
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { question, ...fields } = Object.fromEntries(new FormData(form));
  stopping = new AbortController();
  byId('error').textContent = '';
  byId('status').textContent = 'Answering …';
  byId('messages').ariaBusy = 'true';
  [byId('send').disabled, byId('stop').disabled] = [true, false];
  addMessage('user', question);
  const item = addMessage('assistant');
  item.dataset.state = 'streaming';
  try {
    await answer(fields, question, item);
    item.dataset.state = 'whole';
    form.elements.question.value = '';
  } catch (error) {
    item.dataset.state = stopping.signal.aborted ? 'stopped' : 'failed';
    if (!stopping.signal.aborted) byId('error').textContent = errorInWords(error);
  }
  byId('status').textContent = { whole: 'Answered.', stopped: 'Stopped.', failed: 'Failed.' }[item.dataset.state];
  byId('messages').ariaBusy = 'false';
  [byId('send').disabled, byId('stop').disabled] = [false, true];
});

byId('stop').addEventListener('click', () => stopping.abort());
