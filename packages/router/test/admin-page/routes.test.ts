import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ADMIN_PAGE_POLICY } from '../../src/admin-page/page-files.ts';
import { createRouter } from '../../src/app.ts';
import type { RouterConfigInput } from '../../src/config/schema.ts';
import type { Router } from '../../src/router.ts';

const CONFIG: RouterConfigInput = {
  auth: 'open',
  protocols: ['clear'],
  upstreams: [{ name: 'nobody', baseUrl: 'http://127.0.0.1:9/v1', models: ['m'] }],
};
let router: Router;

function get(path: string, headers: Record<string, string> = {}): Promise<Response> {
  return router.fetch(new Request(`http://router.example${path}`, { headers, redirect: 'manual' }));
}

describe('the admin page', () => {
  beforeAll(async () => {
    router = await createRouter({ ...CONFIG, admin: { key: 'admin-key-of-a-good-length' } });
  });
  afterAll(() => router.close());

  test.each([
    ['/admin/', 'text/html; charset=utf-8'],
    ['/admin/assets/icon.svg', 'image/svg+xml'],
    ['/admin/assets/app.js', 'text/javascript; charset=utf-8'],
    ['/admin/assets/page.css', 'text/css; charset=utf-8'],
  ])('%s needs no key, and says what it may do and who may use it', async (path, type) => {
    const answer = await get(path, { origin: 'https://elsewhere.example' });
    expect(answer.status).toBe(200);
    expect((await answer.text()).length).toBeGreaterThan(100);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': type,
      'content-security-policy': ADMIN_PAGE_POLICY,
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'same-origin',
    });
    expect(answer.headers.has('access-control-allow-origin')).toBe(false);
  });

  test('runs nothing that stands in the page, takes nothing from elsewhere, and is framed by nobody', () => {
    const directives = new Map(
      ADMIN_PAGE_POLICY.split('; ').map((directive) => {
        const [name = '', ...values] = directive.split(' ');
        return [name, values.join(' ')];
      }),
    );
    expect(Object.fromEntries(directives)).toEqual({
      'default-src': "'none'",
      'script-src': "'self'",
      'style-src': "'self'",
      'connect-src': "'self'",
      'img-src': "'self' data:",
      'frame-ancestors': "'none'",
      'base-uri': "'none'",
      'form-action': "'none'",
      'require-trusted-types-for': "'script'",
      'trusted-types': "'none'",
    });
  });

  test('is not sent again to who has it', async () => {
    const etag = (await get('/admin/')).headers.get('etag') ?? '';
    const again = await get('/admin/', { 'if-none-match': etag });
    expect(again.status).toBe(304);
    expect(await again.text()).toBe('');
  });

  test('is found without the slash too', async () => {
    const answer = await get('/admin');
    expect(answer.status).toBe(308);
    expect(answer.headers.get('location')).toBe('admin/');
  });

  test.each(['toString', 'app.js.map', '..%2Findex.js', '..%2f..%2fpackage.json', '', 'app.js%00'])(
    'has no file %j',
    async (name) => {
      expect((await get(`/admin/assets/${name}`)).status).toBe(404);
    },
  );
});

test('without an admin key there is no page', async () => {
  router = await createRouter(CONFIG);
  for (const path of ['/admin', '/admin/', '/admin/assets/app.js']) expect((await get(path)).status).toBe(404);
  await router.close();
});
