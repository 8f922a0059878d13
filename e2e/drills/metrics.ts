/** One reading of a router's `/metrics`: by series, labels and all. */
export async function readMetrics(url: string): Promise<ReadonlyMap<string, number>> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const end = line.lastIndexOf(' ');
      return [line.slice(0, end), Number(line.slice(end + 1))];
    }),
  );
}

/** The sum of all series of a name whose labels hold `labels`. */
export function total(metrics: ReadonlyMap<string, number>, name: string, labels = ''): number {
  let sum = 0;
  for (const [series, value] of metrics) {
    if ((series === name || series.startsWith(`${name}{`)) && series.includes(labels)) sum += value;
  }
  return sum;
}

/** Resident memory of a process, in MiB. */
export function residentMib(metrics: ReadonlyMap<string, number>): number {
  return total(metrics, 'process_resident_memory_bytes') / 1_048_576;
}
