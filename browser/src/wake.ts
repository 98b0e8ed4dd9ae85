/** Signs from the browser that a connection may be dead, or that a new one may work; nothing outside browsers. */

/**
 * `hide`: the page may go into the back-forward cache, which keeps no connection. `show`: it is back from there. A page
 * that goes for good is no sign: its browser ends the connection, and until then it can still say farewell, as old
 * pages do in their `unload`. `online`: there is a network again. `visible`: someone looks, perhaps after a long sleep.
 */
export type Sign = 'hide' | 'show' | 'online' | 'visible';

/** Tells of every sign until the returned function is called. Never listens to `unload`, which forbids that cache. */
export function watchSigns(tell: (sign: Sign) => void): () => void {
  if (typeof document === 'undefined') return () => undefined;
  const visible = () => {
    if (document.visibilityState === 'visible') tell('visible');
  };
  const hide = ({ persisted }: { persisted?: boolean }) => {
    if (persisted) tell('hide');
  };
  const watched: [EventTarget, string, (event: object) => void][] = [
    [window, 'pagehide', hide],
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
