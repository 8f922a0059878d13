/** Paths of the leaves in which two JSON values differ, such as `[3].event`; texts that hold JSON are looked into. */
export function changedMembers(before: unknown, after: unknown, path = ''): readonly string[] {
  const [left, right] = [looked(before), looked(after)];
  if (Array.isArray(left) && Array.isArray(right) && left.length === right.length) {
    return left.flatMap((item, index) => changedMembers(item, right[index], `${path}[${index}]`));
  }
  if (!isRecord(left) || !isRecord(right)) return Object.is(left, right) ? [] : [path];
  return [...new Set([...Object.keys(left), ...Object.keys(right)])].flatMap((name) =>
    changedMembers(left[name], right[name], path === '' ? name : `${path}.${name}`),
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What a text of JSON says; any other value as it is. */
function looked(value: unknown): unknown {
  if (typeof value !== 'string' || !/^[[{]/.test(value)) return value;
  try {
    return JSON.parse(value);
  } catch {
    return value;
  }
}
