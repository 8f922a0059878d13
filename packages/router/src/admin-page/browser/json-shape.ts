/** Members of a JSON object, none of them known yet. */
export type Members = Readonly<Record<string, unknown>>;

/** The router answered with something else than this page knows: it is of another version. */
export class UnexpectedAnswer extends Error {
  override readonly name = 'UnexpectedAnswer';

  constructor(what: string) {
    super(`the router's answer has no ${what} that this page knows: reload the page`);
  }
}

/** @throws UnexpectedAnswer */
export function asMembers(value: unknown, what = 'object'): Members {
  if (isMembers(value)) return value;
  throw new UnexpectedAnswer(what);
}

function isMembers(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws UnexpectedAnswer */
export function textAt(members: Members, name: string): string {
  const value = members[name];
  if (typeof value === 'string') return value;
  throw new UnexpectedAnswer(name);
}

/** @throws UnexpectedAnswer */
export function numberAt(members: Members, name: string): number {
  const value = members[name];
  if (typeof value === 'number') return value;
  throw new UnexpectedAnswer(name);
}

/** @throws UnexpectedAnswer */
export function flagAt(members: Members, name: string): boolean {
  const value = members[name];
  if (typeof value === 'boolean') return value;
  throw new UnexpectedAnswer(name);
}

/** What stands at a member that may be null or absent. @throws UnexpectedAnswer as `read` does */
export function orNull<Value>(
  read: (members: Members, name: string) => Value,
  members: Members,
  name: string,
): Value | null {
  return members[name] === null || members[name] === undefined ? null : read(members, name);
}

/** @throws UnexpectedAnswer, also where `read` does */
export function listAt<Value>(members: Members, name: string, read: (value: unknown) => Value): readonly Value[] {
  const value = members[name];
  if (!Array.isArray(value)) throw new UnexpectedAnswer(name);
  return value.map(read);
}

/** @throws UnexpectedAnswer */
export function textsAt(members: Members, name: string): readonly string[] {
  return listAt(members, name, (value) => textAt({ [name]: value }, name));
}
