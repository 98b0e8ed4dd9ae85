// Making and finding elements. Texts go in as text, never as markup.

export const find = (id) => document.getElementById(id);

/** A new element with attributes and children; a `class` is one of the attributes. */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  set(made, attributes);
  made.append(...children);
  return made;
}

/** The same for drawings. */
export function drawn(tag, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  set(made, attributes);
  made.append(...children);
  return made;
}

function set(made, attributes) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== undefined && value !== null) made.setAttribute(name, value);
  }
}

/** Writes a text, if it is another one: a screen reader hears of changes alone. */
export function write(place, text) {
  if (place.textContent !== text) place.textContent = text;
}

/** Shows a sentence, or hides its place. */
export function say(place, text) {
  write(place, text ?? "");
  place.hidden = !text;
}

/**
 * Keeps a list's elements in step with items: by `key`, made once, brought up to date each time. What has the focus keeps it.
 */
export function keep(list, items, key, make, update) {
  const known = new Map([...list.children].map((child) => [child.dataset.key, child]));
  let before = null;
  for (const item of items) {
    const name = String(key(item));
    let child = known.get(name);
    if (child) known.delete(name);
    else {
      child = make(item);
      child.dataset.key = name;
    }
    update?.(child, item);
    const next = before ? before.nextSibling : list.firstChild;
    if (next !== child) list.insertBefore(child, next);
    before = child;
  }
  for (const child of known.values()) child.remove();
}
