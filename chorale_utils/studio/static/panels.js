// The panels around the score: buttons, fields and lists. They know nothing of the piece; each is
// made with functions to call.

// An element: el("button", { class: "x", onclick: f }, "text", child, ...).
function el(tag, about = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(about)) {
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (name === "value" || name === "checked" || name === "disabled" || name === "hidden")
      made[name] = value;
    else if (value !== null && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child !== null && child !== undefined));
  return made;
}

// Its name begins with what is written on it, so that it can be called by that, too.
const button = (text, label, onclick, about = {}) => {
  const written = typeof text === "string" ? text.replace(/[^\p{L} ]/gu, "").trim() : "",
    known = written.length < 2 || label.toLowerCase().includes(written.toLowerCase()),
    name = known ? label : `${written}: ${label}`;
  const told = { type: "button", title: label, "aria-label": name, onclick };
  return el("button", { ...told, ...about }, text);
};

const labelled = (text, field) => el("label", { class: "cs-field" }, el("span", {}, text), field);
const checked = (text, box) => el("label", { class: "cs-check" }, box, text);

// Sets a field, unless somebody is typing in it.
const fill = (field, value) => {
  if (document.activeElement !== field || field.type === "range") field.value = value;
};

// A small drawing for a button, from SVG paths in a box of 24 by 24: no font has to have the sign.
function icon(...paths) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  made.setAttribute("viewBox", "0 0 24 24");
  made.setAttribute("class", "cs-icon");
  made.setAttribute("aria-hidden", "true");
  for (const path of paths) {
    const drawn = document.createElementNS("http://www.w3.org/2000/svg", "path");
    drawn.setAttribute("d", path);
    made.append(drawn);
  }
  return made;
}

const HEAD = "M6 19a3.6 2.7 -20 1 0 7.2 -1a3.6 2.7 -20 1 0 -7.2 1z",
  HOLE = "M7.6 19.4a2.1 1.3 -35 1 0 4 -1.8a2.1 1.3 -35 1 0 -4 1.8z";
const STEM = "M12.2 18V4h1.2v14z",
  FLAG = "M13 4c.6 3 4.8 3.4 3.6 8c-.4 -3 -2.2 -3.6 -3.6 -4.2z",
  FLAG2 = "M13 8c.6 3 4.8 3.4 3.6 8c-.4 -3 -2.2 -3.6 -3.6 -4.2z";
const ICONS = {
  1: () => icon(HEAD, STEM, FLAG, FLAG2),
  2: () => icon(HEAD, STEM, FLAG),
  4: () => icon(HEAD, STEM),
  8: () => icon(HEAD + HOLE, STEM),
  16: () =>
    icon(
      "M5 15a6 4 0 1 0 12 0a6 4 0 1 0 -12 0zM9 14.4a2 2.9 -30 1 0 4 1.2a2 2.9 -30 1 0 -4 -1.2z",
    ),
  rest: () =>
    icon(
      "M9 3l5.4 6.2c-2.6 2.4 -2 4 1.4 7.6c-4 -1.8 -6 .4 -2.6 4.2" +
        "c-5.6 -3 -5 -7.4 -.6 -6.6l-3.8 -4.6c2.6 -2.4 2.4 -4 .2 -6.8z",
    ),
  fermata: () =>
    icon(
      "M3 18a9 10 0 0 1 18 0h-1.2a7.8 7.4 0 0 0 -15.6 0z" +
        "M10.4 16.4a1.6 1.6 0 1 0 3.2 0a1.6 1.6 0 1 0 -3.2 0z",
    ),
  dot: () => icon("M9.5 12a2.5 2.5 0 1 0 5 0a2.5 2.5 0 1 0 -5 0z"),
  lock: () => icon("M6 11h12v9H6zM8 11V8a4 4 0 0 1 8 0v3h-1.6V8a2.4 2.4 0 0 0 -4.8 0v3z"),
  undo: () => icon("M9 5L4 10l5 5v-4h5a4 4 0 0 1 0 8h-4v1.8h4a5.8 5.8 0 0 0 0 -11.6H9z"),
  redo: () => icon("M15 5l5 5l-5 5v-4h-5a4 4 0 0 0 0 8h4v1.8h-4a5.8 5.8 0 0 1 0 -11.6h5z"),
  play: () => icon("M7 4l13 8l-13 8z"),
  halt: () => icon("M6 6h12v12H6z"),
  back: () => icon("M9 6h12v12H9l-6 -6zM11 9l6 6M17 9l-6 6"),
};

// A button that is pressed or not.
function toggle(text, label, onchange, pressed = false) {
  const made = button(text, label, () =>
    made.press(made.getAttribute("aria-pressed") !== "true", true),
  );
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
    button(
      text,
      name,
      () => {
        group.choose(value);
        onchange(value);
      },
      { role: "radio" },
    ),
  );
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
    const place =
      (choices.findIndex(([value]) => value === group.chosen) + way + choices.length) %
      choices.length;
    buttons[place].focus();
    buttons[place].click();
  });
  group.append(...buttons);
  group.choose(chosen);
  return group;
}

function panel(title, ...children) {
  return el(
    "section",
    { class: "cs-panel", "aria-label": title },
    el("h3", {}, title),
    el("div", { class: "cs-row" }, ...children),
  );
}

// The keys of a piano from one C to another, to be played with mouse, finger or keyboard.
function piano(low, high, play) {
  const keys = el("div", { class: "cs-piano", role: "group", "aria-label": "Piano" });
  for (let pitch = low; pitch <= high; pitch++) {
    const black = [1, 3, 6, 8, 10].includes(pitch % 12),
      name = pitchName(pitch);
    const key = button(pitch % 12 === 0 ? name : "", name, () => play(pitch), {
      class: black ? "cs-black" : "cs-white",
    });
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
    keys.querySelectorAll("button").forEach((key) => {
      key.tabIndex = -1;
    });
    next.tabIndex = 0;
    next.focus();
  });
  return keys;
}

// Opens a dialog over the page; it is closed with Escape or its button.
function openDialog(root, title, ...children) {
  const made = el("dialog", { class: "cs-dialog", "aria-label": title });
  made.append(
    el(
      "div",
      { class: "cs-dialog-head" },
      el("h3", {}, title),
      button("✕", "Close", () => made.close()),
    ),
    ...children,
  );
  made.addEventListener("close", () => made.remove());
  made.addEventListener("keydown", (event) => event.stopPropagation());
  root.append(made);
  made.showModal();
  // A frame may be taller than the screen, as in VS Code: its middle is not where one looks.
  if (innerHeight > screen.height)
    new IntersectionObserver(([{ intersectionRect: seen }], watch) => {
      watch.disconnect();
      if (!seen.height) return;
      made.style.maxHeight = `${seen.height}px`;
      made.style.top = `${seen.top + (seen.height - made.offsetHeight) / 2}px`;
      made.style.marginBlock = "0";
    }).observe(root);
  return made;
}
