import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import type { Router } from '../../src/router.ts';
import { CONNECTION_LIMITS, type ConnectionLimits } from '../../src/websocket/limits.ts';
import {
  WebSocketDoor,
  type WebSocketDoorOptions,
  type WebSocketSettings,
} from '../../src/websocket/websocket-door.ts';

/** A door of its own to a router's handler, with limits that a test need not wait for. */
export async function startDoor(
  { handle }: Pick<Router, 'handle'>,
  limits: Partial<ConnectionLimits>,
  {
    settings,
    ...options
  }: Partial<Omit<WebSocketDoorOptions, 'settings'>> & { settings?: Partial<WebSocketSettings> } = {},
): Promise<{ readonly door: WebSocketDoor; readonly url: string }> {
  const door = new WebSocketDoor({
    handle,
    authenticate: () => {},
    serves: { clear: true, sealed: true },
    settings: () => ({
      origins: [],
      maxConnections: 100,
      limits: { ...CONNECTION_LIMITS, maxBodyBytes: 1_048_576, ...limits },
      ...settings,
    }),
    ...options,
  });
  const server = createServer().on('upgrade', (message, socket, head) => door.upgrade(message, socket, head));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    door.terminate();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return { door, url: `ws://127.0.0.1:${port}/v1/chat/completions` };
}
