import { AdminApi } from './admin-api.ts';
import type { ApiFailure } from './api-failure.ts';
import { closeDialogs } from './dialog.ts';
import { signIn } from './sign-in.ts';
import { openWorkspace, type Workspace } from './workspace.ts';

const place = document.getElementById('app') ?? document.body;
let workspace: Workspace | null = null;

function start(key: string): void {
  const api = new AdminApi(key, (failure) => end(failure));
  workspace = openWorkspace(api, () => end());
  place.replaceChildren(workspace.node);
}

/** Ends the session: with it goes the only reference to the key. */
function end(reason?: ApiFailure): void {
  workspace?.stop();
  workspace = null;
  closeDialogs();
  document.title = 'Sotto administration';
  place.replaceChildren(signIn({ reason, onSignedIn: start }));
}

// A page that the browser keeps for its back button must not come back signed in.
window.addEventListener('pagehide', () => end());
end();
