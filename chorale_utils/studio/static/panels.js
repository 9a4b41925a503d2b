// The panels around the score: buttons, fields and lists. They know nothing of the piece; each is
// made with functions to call.

// An element: el("button", { class: "x", onclick: f }, "text", child, ...).
function el(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden") made[name] = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

const button = (text, label, onclick, about = {}) =>
  el("button", { type: "button", title: label, "aria-label": label, onclick, ...about }, text);

const labelled = (text, field) => el("label", { class: "cs-field" }, el("span", {}, text), field);

// A button that is pressed or not.
function toggle(text, label, onchange, pressed = false) {
  const made = button(text, label, () => made.press(made.getAttribute("aria-pressed") !== "true", true));
  made.press = (on, told = false) => {
    made.setAttribute("aria-pressed", String(on));
    if (told) onchange(on);
  };
  made.press(pressed);
  return made;
}

// Buttons of which one is chosen: choices are [value, text, label].
function choice(label, choices, chosen, onchange) {
  const group = el("div", { role: "radiogroup", "aria-label": label, class: "cs-group" });
  const buttons = choices.map(([value, text, name]) =>
    button(text, name, () => { group.choose(value); onchange(value); }, { role: "radio" }));
  group.choose = (value) => {
    group.chosen = value;
    buttons.forEach((one, place) => {
      const on = choices[place][0] === value;
      one.setAttribute("aria-checked", String(on));
      one.tabIndex = on ? 0 : -1;
    });
  };
  group.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
    if (!way) return;
    event.preventDefault();
    event.stopPropagation();
    const place = (choices.findIndex(([value]) => value === group.chosen) + way + choices.length) % choices.length;
    buttons[place].focus();
    buttons[place].click();
  });
  group.append(...buttons);
  group.choose(chosen);
  return group;
}

function panel(title, ...children) {
  return el("section", { class: "cs-panel", "aria-label": title }, el("h3", {}, title), el("div", { class: "cs-row" }, ...children));
}

// The keys of a piano from one C to another, to be played with mouse, finger or keyboard.
function piano(low, high, play) {
  const keys = el("div", { class: "cs-piano", role: "group", "aria-label": "Piano" });
  for (let pitch = low; pitch <= high; pitch++) {
    const black = [1, 3, 6, 8, 10].includes(pitch % 12), name = pitchName(pitch, "C major");
    const key = button(pitch % 12 === 0 ? name : "", name, () => play(pitch), { class: black ? "cs-black" : "cs-white" });
    key.tabIndex = pitch === 60 ? 0 : -1;
    key.dataset.pitch = pitch;
    keys.append(key);
  }
  keys.addEventListener("keydown", (event) => {
    const way = { ArrowRight: 1, ArrowLeft: -1, ArrowUp: 12, ArrowDown: -12 }[event.key];
    const next = way && keys.querySelector(`[data-pitch="${+event.target.dataset.pitch + way}"]`);
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    keys.querySelectorAll("button").forEach((key) => { key.tabIndex = -1; });
    next.tabIndex = 0;
    next.focus();
  });
  return keys;
}

// A dialog over the page, closed with Escape or its button.
function dialog(title, ...children) {
  const made = el("dialog", { class: "cs-dialog", "aria-label": title });
  made.append(
    el("div", { class: "cs-dialog-head" }, el("h3", {}, title), button("✕", "Close", () => made.close())),
    ...children,
  );
  made.addEventListener("close", () => made.remove());
  made.addEventListener("keydown", (event) => event.stopPropagation());
  return made;
}

function save(name, type, content) {
  const link = el("a", { href: URL.createObjectURL(new Blob([content], { type })), download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

const KEYS = [
  ["A – G", "write the note, nearest to the one before"],
  ["0 or R", "write a rest"],
  ["3 4 5 6 7", "sixteenth, eighth, quarter, half, whole"],
  [".", "dotted, or not"],
  ["N", "enter notes, or select"],
  ["← →", "the note before, the next one; with Shift: select"],
  ["↑ ↓", "a semitone up or down; with Ctrl: an octave"],
  ["Page ↑ ↓", "the voice above or below"],
  ["Backspace", "take the last note away"],
  ["Delete", "make the selected notes silent"],
  ["L", "lock or unlock what is selected"],
  ["V", "lock or unlock the whole voice"],
  ["B", "select the bar; again: with all voices"],
  ["Ctrl+A", "select everything"],
  ["H", "harmonise the tune"],
  ["W", "rewrite what is selected"],
  ["Space", "play from here, or stop"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["?", "this list"],
];
