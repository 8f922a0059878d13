const DEADLINE_MS = 5_000;
const TURN_MS = 5;

/** Asks again and again until `probe` says yes. @throws Error after 5 s, naming `what` was waited for */
export async function eventually(what: string, probe: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await probe())) {
    if (performance.now() > deadline) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, TURN_MS));
  }
}

/** A promise with its own handles, for a test that decides when something goes on. */
export interface Gate {
  readonly opened: Promise<void>;
  open(): void;
}

/** Makes a gate, closed. */
export function gate(): Gate {
  let open: () => void = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
