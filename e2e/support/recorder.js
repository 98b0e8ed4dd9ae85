// What a test page has seen: in `records`, in order, and on the page for who looks at its picture.

/* exported attach, handlers, record */

var records = [];

/** Notes one callback of the socket `name`: its kind, its argument as JSON has it, and the socket's state then. */
function record(name, kind, argument, state) {
  var shown = argument && argument.data instanceof ArrayBuffer
    ? Object.assign({}, argument, { data: { bytes: Array.from(new Uint8Array(argument.data)) } })
    : argument;
  records.push({ name: name, kind: kind, argument: shown, state: state, at_ms: performance.timeOrigin + performance.now() });
  var list = document.getElementById("log");
  if (!list) return; // Before the body is there.
  var text = JSON.stringify(shown) || "";
  var item = document.createElement("li");
  item.textContent = name + "." + kind + " " + (text.length > 100 ? text.slice(0, 100) + "…" : text);
  list.append(item);
  while (list.children.length > 40) list.firstChild.remove();
  document.getElementById("count").textContent = records.length + " callbacks";
}

/** Handlers that record; `socket` may come later. */
function handlers(name, socket) {
  var made = {};
  ["onopen", "onmessage", "onerror", "onclose", "ongap"].forEach(function (kind) {
    made[kind] = function (argument) {
      record(name, kind, argument, socket && socket.readyState);
    };
  });
  return made;
}

/** Sets handlers that record as properties of a socket. */
function attach(socket, name) {
  return Object.assign(socket, handlers(name, socket));
}

// What a policy forbids is an error in the console as well, but not in every kind of page.
document.addEventListener("securitypolicyviolation", function (event) {
  console.error("content policy: " + event.violatedDirective + " " + event.blockedURI);
});
