// Installs the Debian packages that some tests talk to: other people's implementations, to agree with.
import { spawnSync } from 'node:child_process';

/** Package, and a command that succeeds once it is there. */
const WANTED = [
  ['libfaketime', ['sh', '-c', 'ls /usr/lib/*/faketime/libfaketime.so.1']],
  ['curl', ['curl', '--version']],
  ['chromium', ['/usr/bin/chromium', '--version']],
  ['openssl', ['openssl', 'version']],
  ['python3-cryptography', ['/usr/bin/python3', '-c', 'import cryptography']],
  // The server's programs are in no folder of PATH: the test helper finds them by version.
  ['postgresql', ['sh', '-c', 'ls /usr/lib/postgresql/*/bin/initdb']],
  ['redis-server', ['redis-server', '--version']],
  ['nginx', ['nginx', '-v']],
  ['haproxy', ['haproxy', '-v']],
  ['docker-compose', ['docker-compose', 'version']],
  ['prometheus', ['promtool', '--version']],
  ['python3-httpx', ['/usr/bin/python3', '-c', 'import httpx']],
];

function succeeds([program, ...args]) {
  return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
}

/** Installs what is missing, where that can be done; tests that need what stays missing say so and skip. */
export function installDebianPackages() {
  const missing = WANTED.filter(([, probe]) => !succeeds(probe)).map(([name]) => name);
  if (missing.length === 0) return;
  if (process.getuid?.() !== 0 || !succeeds(['apt-get', '--version'])) {
    console.log(`Not installed, and cannot be from here: ${missing.join(', ')}. The tests that need them will say so.`);
    return;
  }
  console.log(`> apt-get install ${missing.join(' ')}`);
  const options = { stdio: 'inherit', env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } };
  spawnSync('apt-get', ['update', '-qq'], options);
  spawnSync('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], options);
}
