/** The console: the way in, numbers that move, and the three clicks to "is this client connected, and did it get the message?" */
import { connect } from 'node:net';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { PHONE, SMALL_PHONE, expectNoSidewaysScrolling, untilText } from '../support/demo.ts';
import type { Pages } from '../support/pages.ts';
import { API_KEY, type Server } from '../support/server.ts';
import { freshId, test } from '../support/test.ts';
import { until } from '../support/until.ts';

/** A browser that refuses a call says so in the console, and cannot be told not to. */
const REFUSED = /Failed to load resource: the server responded with a status of 401/;

/** The console, entered by the link that `downlink dev` prints. */
async function enter(pages: Pages, server: Server, hash = '', options = {}): Promise<Page> {
  const page = await pages.open(`${server.url}/console#key=${API_KEY}`, await pages.context(options));
  await page.locator('#state[data-state="live"]').waitFor();
  if (hash) await page.evaluate((hash) => { location.hash = hash; }, hash);
  return page;
}

const client = (id: string) => `#/client/${encodeURIComponent(id)}`;

/** A socket whose page takes nothing: a plain connection that is never read. */
async function stuck(server: Server, token: string): Promise<() => void> {
  const { hostname, port } = new URL(server.url);
  const socket = connect({ host: hostname, port: Number(port) });
  await new Promise<void>((done, fail) => socket.once('connect', done).once('error', fail));
  socket.pause();
  socket.write(
    `GET /v1/socket HTTP/1.1\r\nHost: ${hostname}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Protocol: downlink.v1, downlink.token.${token}\r\n\r\n`,
  );
  return () => socket.destroy();
}

test('a wrong key is refused, a right one stays in the tab until it is signed out', async ({ demo, pages }) => {
  const page = await pages.open(`${demo.url}/console`);
  expect(await page.evaluate(() => document.activeElement?.id)).toBe('entry-key');
  await page.fill('#entry-key', 'not a key of this server');
  await page.keyboard.press('Enter');
  await untilText(page, '#entry-trouble', 'That is no key of this server’s API.');
  await pages.picture(page, 'refused');
  await page.fill('#entry-key', API_KEY);
  await page.click('text=Open the console');
  await page.locator('#tiles').waitFor();
  await page.reload();
  await page.locator('#tiles').waitFor();
  expect(await page.inputValue('#entry-key'), 'the key is in no field').toBe('');
  await page.click('#leave');
  await page.locator('#entry').waitFor();
  await page.reload();
  await page.locator('#entry').waitFor();
  expect(pages.problems.filter((problem) => !REFUSED.test(problem))).toEqual([]);
});

test('the link of `dev` brings the key, and leaves none in the address', async ({ demo, pages }) => {
  const page = await enter(pages, demo);
  expect(page.url()).toBe(`${demo.url}/console`);
  await page.goBack().catch(() => undefined);
  expect(page.url()).not.toContain(API_KEY);
  expect(pages.problems).toEqual([]);
});

test('a key that is no longer one leads back to the entry', async ({ demo, pages }) => {
  const page = await enter(pages, demo);
  await page.evaluate(() => sessionStorage.setItem('downlink.console.key', 'an old one, of yesterday'));
  await untilText(page, '#entry-trouble', 'The key is no longer one of this server’s API.');
  expect(pages.problems.filter((problem) => !REFUSED.test(problem))).toEqual([]);
});

test('the overview moves with what happens', async ({ demo, pages, id }) => {
  const page = await enter(pages, demo);
  const value = (name: string) => page.locator('.tile', { hasText: name }).locator('dd').textContent();
  const drawn = () => page.locator('time-plot.wide path.line').first().getAttribute('d');
  const sent = page.locator('.tile', { hasText: 'Sent /s' }).locator('p');
  const [before, line] = [await sent.textContent(), await drawn()];
  const viewer = await pages.open(`${demo.url}/console/test#token=${await demo.api.createChannel(id)}`);
  await viewer.locator('#state[data-state="live"]').waitFor();
  for (let number = 0; number < 20; number += 1) await demo.api.send(id, `message ${number}`);
  await until('the sends are counted', async () => (await sent.textContent()) !== before);
  await until('the socket is counted', async () => (await value('Sockets')) !== '0');
  await until('the plot moves', async () => (await drawn()) !== line);
  await page.locator('#people-list a', { hasText: id }).waitFor();
  const field = page.locator('time-plot.wide .field').first();
  await field.hover({ position: { x: 300, y: 80 } });
  await page.locator('time-plot .tip').first().waitFor();
  expect(await page.locator('.tip').first().textContent()).toContain('WebSocket');
  await pages.picture(page, 'overview');
  expect(pages.problems).toEqual([]);
});

test('in three clicks: is this client connected, and did it get the message?', async ({ demo, pages, id }) => {
  const viewer = await pages.open(`${demo.url}/console/test#token=${await demo.api.createChannel(id)}`);
  await viewer.locator('#state[data-state="live"]').waitFor();
  await demo.api.send(id, 'did you get <b>this</b>?');
  const page = await enter(pages, demo);
  await page.fill('#people-text', id.slice(0, 12));
  await page.locator('#people-list a', { hasText: id }).click();
  await untilText(page, '#client-title', id);
  await untilText(page, '#why-state', 'Up to date');
  // The test page acknowledges, as a page may.
  await untilText(page, '#messages .chip', 'Acknowledged');
  expect(await page.locator('#messages').textContent()).not.toContain('did you get');
  await page.click('#messages button.body');
  await untilText(page, '#messages .says', 'did you get <b>this</b>?');
  await page.click('#messages button.body');
  expect(await page.locator('#messages .says').count()).toBe(0);
  await page.locator('#timeline [data-what="connected"]').waitFor();
  await page.locator('#timeline [data-what="sent"]').waitFor();
  await page.locator('#timeline [data-what="acked"]').waitFor();
  await pages.picture(page, 'client');
  await viewer.close();
  await untilText(page, '#why-state', 'Not connected');
  await demo.api.send(id, Uint8Array.of(0, 1, 254, 255));
  await untilText(page, '#messages .chip', 'Waits');
  await page.click('#messages button.body');
  await page.locator('#messages .says', { hasText: '00 01 fe ff' }).waitFor();
  expect(pages.problems).toEqual([]);
});

test('why a client is behind: its page takes nothing', async ({ demo, pages, id }) => {
  const release = await stuck(demo, await demo.api.createChannel(id));
  await until('it is open', async () => (await demo.api.sockets(id)).length === 1);
  const filler = 'x'.repeat(30_000);
  for (let round = 0; round < 5; round += 1) await demo.api.sendMany(id, Array.from({ length: 100 }, () => filler));
  const page = await enter(pages, demo, client(id));
  await untilText(page, '#why-state', 'Blocked');
  await page.locator('#why-sentence', { hasText: /^Its page has taken nothing for .* messages wait\./ }).waitFor();
  await untilText(page, '#sockets .chip', 'Blocked');
  await untilText(page, '#messages .chip', 'Waits');
  await page.locator('#timeline [data-what="slow"]').waitFor();
  await pages.picture(page, 'blocked');
  release();
  await untilText(page, '#why-state', 'Not connected');
  expect(pages.problems).toEqual([]);
});

test('send, close, delete, and a test page that receives', async ({ demo, pages, id }) => {
  const page = await enter(pages, demo, client(id));
  await untilText(page, '#why-state', 'Not connected');
  const opening = page.context().waitForEvent('page');
  await page.click('#open-test');
  const viewer = await opening;
  await viewer.locator('#state[data-state="live"]').waitFor();
  expect(viewer.url(), 'the token is out of the address').toBe(`${demo.url}/console/test`);
  expect(await viewer.evaluate(() => sessionStorage.length), 'and the key is not in that window').toBe(0);
  await untilText(viewer, '#test-title', id);
  await page.bringToFront();
  await untilText(page, '#why-state', 'Up to date');
  await page.fill('#send-text', 'from the console 🌍');
  await page.keyboard.press('Enter');
  await untilText(viewer, '#arrivals pre', 'from the console 🌍');
  await untilText(page, '#messages .chip', 'Acknowledged');
  await page.click('#close-sockets');
  await untilText(page, '#client-note', '1 socket told to come back.');
  await page.locator('#timeline [data-what="ended"]').waitFor();
  // The library comes back by itself, and misses nothing.
  await demo.api.send(id, 'while it was away, or not');
  await untilText(viewer, '#arrivals pre', 'while it was away, or not');
  await page.click('#make-token');
  await page.locator('#token[open]').waitFor();
  expect((await page.inputValue('#token-text')).split('.').length).toBe(3);
  await page.keyboard.press('Escape');
  await page.click('#delete-channel');
  await page.click('#ask button[value="no"]');
  expect(await page.locator('#messages li').count()).toBe(2);
  await page.click('#delete-channel');
  await page.click('#ask-yes');
  await untilText(viewer, '#state', 'Closed');
  await page.locator('#messages-none').waitFor();
  await pages.picture(page, 'deleted');
  expect(pages.problems).toEqual([]);
});

test('all of it by keyboard', async ({ demo, pages, id }) => {
  const page = await pages.open(`${demo.url}/console`);
  await page.keyboard.type(API_KEY);
  await page.keyboard.press('Enter');
  await page.locator('#tiles').waitFor();
  const viewer = await pages.open(`${demo.url}/console/test#token=${await demo.api.createChannel(id)}`);
  await viewer.locator('#state[data-state="live"]').waitFor();
  await page.bringToFront();
  await page.locator('time-plot .field').first().focus();
  await page.keyboard.press('ArrowLeft');
  await page.locator('time-plot .visually-hidden', { hasText: /^\d\d:\d\d:\d\d: WebSocket \d+/ }).first().waitFor();
  await page.keyboard.press('Escape');
  expect(await page.locator('time-plot .tip:visible').count()).toBe(0);
  await page.keyboard.press('/');
  await page.keyboard.type(id.slice(0, 10).toUpperCase());
  await page.locator('#jump-list li', { hasText: id }).waitFor();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await untilText(page, '#client-title', id);
  // Everything that can be pressed is reached, shows that it is, and has a name.
  const reached = new Set<string>();
  for (let step = 0; step < 40; step += 1) {
    await page.keyboard.press('Tab');
    const { name, ring, tag } = await page.evaluate(() => {
      const at = document.activeElement as HTMLElement;
      const label = at.getAttribute('aria-label') ?? document.querySelector(`label[for="${at.id}"]`)?.textContent ?? at.textContent;
      return { tag: at.tagName, name: label?.trim() ?? '', ring: getComputedStyle(at).outlineStyle !== 'none' };
    });
    if (tag === 'BODY') continue;
    expect(name, `a name for ${tag}`).not.toBe('');
    expect(ring, `${name} shows the focus`).toBe(true);
    reached.add(name);
  }
  for (const name of ['Test page', 'Make a token', 'Send sockets back', 'Delete channel', 'A message to this client', 'Sign out']) {
    expect([...reached], name).toContain(name);
  }
  expect(pages.problems).toEqual([]);
});

/** Texts that cannot be told from what is behind them: WCAG 2.1, 1.4.3. */
async function pale(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    const canvas = document.createElement('canvas').getContext('2d') as CanvasRenderingContext2D;
    const rgba = (color: string) => {
      canvas.clearRect(0, 0, 1, 1);
      canvas.fillStyle = color;
      canvas.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = canvas.getImageData(0, 0, 1, 1).data as unknown as [number, number, number, number];
      return { r, g, b, a };
    };
    const light = ({ r, g, b }: { r: number; g: number; b: number }) => {
      const [red, green, blue] = [r, g, b].map((part) => {
        const share = part / 255;
        return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
      }) as [number, number, number];
      return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const behind = (from: Element) => {
      for (let at: Element | null = from; at; at = at.parentElement) {
        const color = rgba(getComputedStyle(at).backgroundColor);
        if (color.a === 255) return color;
      }
      return { r: 255, g: 255, b: 255 };
    };
    const found: string[] = [];
    for (const element of document.querySelectorAll('body *')) {
      const text = [...element.childNodes].filter(({ nodeType }) => nodeType === 3).map(({ textContent }) => textContent?.trim()).join('');
      if (!text || !element.checkVisibility() || element.closest('[disabled], svg')) continue;
      const [one, other] = [light(rgba(getComputedStyle(element).color)), light(behind(element))];
      const contrast = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
      if (contrast < 4.5) found.push(`${contrast.toFixed(2)} ${element.tagName} ${text.slice(0, 40)}`);
    }
    return found;
  });
}

test('on phones, in the dark and in the light: nothing sticks out, everything can be read', async ({ demo, pages }) => {
  const id = freshId();
  const release = await stuck(demo, await demo.api.createChannel(id));
  for (let number = 0; number < 12; number += 1) await demo.api.send(id, `message ${number}`);
  for (const options of [PHONE, SMALL_PHONE, { colorScheme: 'dark' as const }, { ...PHONE, colorScheme: 'dark' as const }, {}]) {
    const page = await pages.open(`${demo.url}/console`, await pages.context(options));
    await expectNoSidewaysScrolling(page);
    expect(await pale(page)).toEqual([]);
    await page.fill('#entry-key', API_KEY);
    await page.keyboard.press('Enter');
    await page.locator('#people-list a').first().waitFor();
    await expectNoSidewaysScrolling(page);
    expect(await pale(page)).toEqual([]);
    await page.evaluate((hash) => { location.hash = hash; }, client(id));
    await page.locator('#messages li').first().waitFor();
    await expectNoSidewaysScrolling(page);
    expect(await pale(page)).toEqual([]);
  }
  release();
  expect(pages.problems).toEqual([]);
});

test('who wants no motion sees none', async ({ demo, pages }) => {
  const page = await enter(pages, demo, '', { reducedMotion: 'reduce' });
  const drawn = () => page.locator('time-plot.wide path.line').first().getAttribute('d');
  const before = await drawn();
  await until('the plot goes on', async () => (await drawn()) !== before);
  expect(await page.evaluate(() => document.getAnimations().length)).toBe(0);
  expect(pages.problems).toEqual([]);
});

test('a server that is gone is said to be, and is seen when it is back', async ({ startDemo, pages }) => {
  const server = await startDemo();
  const page = await enter(pages, server);
  await server.kill();
  await untilText(page, '#state', 'Not reachable');
  await server.start();
  await untilText(page, '#state', 'Live');
});
