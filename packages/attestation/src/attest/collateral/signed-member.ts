/**
 * Cuts one member out of the outermost object of a JSON text, as it is written: Intel signs its documents as text, so
 * that reading and writing them anew would break the signature. Throws `RangeError` where the member is not there
 * once, as an object.
 */
export function sliceObjectMember(text: string, name: string): string {
  const found = [...outerMembers(text)].filter((member) => member.name === name);
  const [member, ...more] = found;
  if (member === undefined || more.length > 0) throw new RangeError('JSON has the member not once');
  const value = text.slice(member.start, member.end).trim();
  if (!value.startsWith('{') || !value.endsWith('}')) throw new RangeError('member is no object');
  return value;
}

interface Member {
  readonly name: string;
  readonly start: number;
  readonly end: number;
}

// Strings are taken whole, so that what is in them is no structure; all else is one character.
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/gs;

/** The members of the outermost object. Only the structure is looked at: whether it is JSON, JSON.parse tells. */
function* outerMembers(text: string): Generator<Member> {
  JSON.parse(text);
  let depth = 0;
  let lastString = '';
  let open: { readonly name: string; readonly start: number } | null = null;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    const closes = token === '}' || token === ']';
    if (closes) depth -= 1;
    if (open !== null && ((token === ',' && depth === 1) || (closes && depth === 0))) {
      yield { ...open, end: index };
      open = null;
    } else if (token === ':' && depth === 1 && open === null) {
      open = { name: lastString, start: index + 1 };
    }
    if (token === '{' || token === '[') depth += 1;
    if (token.startsWith('"')) lastString = String(JSON.parse(token));
  }
}
