/** Signs from the browser that a connection may be dead, or that a new one may work; nothing outside browsers. */

/**
 * `hide`: the page goes away, perhaps into the back-forward cache, which keeps no connection. `show`: it is back
 * from there. `online`: there is a network again. `visible`: someone looks, perhaps after a long sleep.
 */
export type Sign = 'hide' | 'show' | 'online' | 'visible';

/** Tells of every sign until the returned function is called. Never listens to `unload`, which forbids that cache. */
export function watchSigns(tell: (sign: Sign) => void): () => void {
  if (typeof document === 'undefined') return () => undefined;
  const visible = () => {
    if (document.visibilityState === 'visible') tell('visible');
  };
  const watched: [EventTarget, string, () => void][] = [
    [window, 'pagehide', () => tell('hide')],
    [window, 'pageshow', () => tell('show')],
    [window, 'online', () => tell('online')],
    [document, 'visibilitychange', visible],
    // A frozen page thaws without becoming visible.
    [document, 'resume', () => tell('visible')],
  ];
  for (const [target, name, listener] of watched) target.addEventListener(name, listener);
  return () => {
    for (const [target, name, listener] of watched) target.removeEventListener(name, listener);
  };
}
