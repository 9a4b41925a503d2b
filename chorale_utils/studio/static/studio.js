// The studio's page: what is clicked and typed becomes commands to Python; what Python tells is
// shown. Where words, selection and sound are concerned the page decides itself.

// A secret of this browser's own, by which its work is found again; null where nothing is kept, as
// in a frame that may store nothing.
function visitor() {
  try {
    let known = localStorage.getItem("chorale-studio");
    if (!known) {
      known = crypto.getRandomValues(new Uint32Array(4)).join("-");
      localStorage.setItem("chorale-studio", known);
    }
    return known;
  } catch {
    return null;
  }
}

function render({ model, el: holder }) {
  const root = el("div", { class: "chorale-studio", "data-jp-suppress-context-menu": "" }),
    ends = [keepKeys(root)];
  holder.append(root);
  const desk = new Desk(model, root);
  const drawn = el("div", { class: "cs-drawing" }),
    score = new Score(drawn);
  const label =
    "Score. Type A to G to write notes, arrow keys to go from note to note, " +
    "question mark for all keys.";
  const stage = el(
    "div",
    {
      class: "cs-score",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "score",
      "aria-label": label,
      onkeydown: (event) => pressed(desk, event),
    },
    drawn,
  );
  drawn.addEventListener("click", (event) => {
    stage.focus({ preventScroll: true });
    clicked(desk, score, event);
  });

  const told = el("p", { class: "cs-told", role: "status", "aria-live": "polite" }),
    said = el("p", { class: "cs-said", role: "alert" });
  const hint = el(
    "p",
    { class: "cs-hint" },
    "Write a tune: click on the staff, press keys of the piano, or click on the score and type " +
      "letters from A to G. Then press Harmonise. Or begin with a hymn or a file.",
  );
  desk.when("piece", ({ voices }) => {
    hint.hidden = voices.some((voice) => voice.length);
  });
  desk.when("said", (text, wrong) => {
    said.textContent = text;
    said.classList.toggle("cs-wrong", wrong);
  });
  desk.when("mark", () => {
    score.mark({
      selection: desk.selection,
      caret: desk.entering ? desk.caret : null,
      piece: desk.piece,
      show: desk.show,
      surprise: desk.about.surprise,
      odds: desk.about.odds,
      faults: desk.faults,
      numerals: desk.numerals,
    });
    told.textContent = desk.described;
  });

  root.append(
    head(desk),
    ...beginning(desk),
    versions(desk),
    ...entering(desk),
    stage,
    hint,
    told,
    said,
    keeping(desk),
    asking(desk),
    hearing(desk, score),
    seeing(desk),
    findings(desk),
    opinion(desk),
    variants(desk),
    taking(desk),
  );
  ends.push(hear(desk, score), followTheme(root), followWidth(desk, stage));
  return () => {
    desk.choir.stop();
    ends.forEach((end) => end());
  };
}

// What is typed here is no shortcut of what is around it: X would cut the cell of a notebook. Most
// hosts hear a key after the page has; Notebook 7 hears it before, and heeds a mark on its target.
function keepKeys(root) {
  const ours = ({ key, ctrlKey, metaKey, altKey }) =>
    !(ctrlKey || metaKey || altKey) || /^([zya]|Enter|Arrow.*)$/i.test(key);
  const mark = (event) => {
    if (root.contains(event.target))
      event.target.toggleAttribute("data-lm-suppress-shortcuts", ours(event));
  };
  addEventListener("keydown", mark, true);
  root.addEventListener("keydown", (event) => {
    if (ours(event)) event.stopPropagation();
  });
  return () => removeEventListener("keydown", mark, true);
}

// The top line: undo, redo, what the model is doing.
function head(desk) {
  const undo = button(ICONS.undo(), "Undo (Ctrl+Z)", () => desk.send("undo")),
    redo = button(ICONS.redo(), "Redo (Ctrl+Y)", () => desk.send("redo"));
  const tell = (made, name, keys, what) => {
    // a button that has the focus keeps it: disabled, it would throw the keyboard back to the top
    made.setAttribute("aria-disabled", String(!what));
    made.title = what ? `${name}: ${what} (${keys})` : `Nothing to ${name.toLowerCase()}`;
    made.setAttribute("aria-label", made.title);
  };
  desk.when("piece", (piece) => {
    tell(undo, "Undo", "Ctrl+Z", piece.undo);
    tell(redo, "Redo", "Ctrl+Y", piece.redo);
  });
  desk.root.addEventListener("keydown", (event) => {
    const key = event.key.toLowerCase(),
      typing = event.target.matches("input[type=text], input[type=number]");
    if (!(event.ctrlKey || event.metaKey) || typing || (key !== "z" && key !== "y")) return;
    desk.send(key === "y" || event.shiftKey ? "redo" : "undo");
    event.preventDefault();
    event.stopPropagation();
  });

  const progress = el("progress", { max: 1, value: 0, "aria-label": "Progress" }),
    doing = el("span", { role: "status" });
  const working = el(
    "div",
    { class: "cs-working", hidden: true },
    doing,
    progress,
    button("Stop", "Stop the model", () => desk.send("stop")),
  );
  desk.when("busy", (busy) => {
    working.hidden = !busy.work;
    if (!busy.work) return;
    const { state, before, turn = 0, turns = 1 } = busy;
    const which = turns > 1 ? ` (${turn + 1} of ${turns})` : "",
      work = WORKS[busy.work] + which;
    if (state === "working") {
      doing.textContent = `${work}…`;
      progress.value = (turn + busy.done / Math.max(1, busy.total)) / turns;
    } else {
      doing.textContent = before
        ? `${work}: ${before} before you`
        : `${work}: the model is getting ready…`;
      progress.removeAttribute("value");
    }
  });
  const line = { class: "cs-head", role: "group", "aria-label": "Undo, redo and progress" };
  return el("div", line, el("h2", {}, "Studio"), undo, redo, working);
}

// Passes on what Python tells. Its traits arrive one after the other: the piece is shown once, when
// all of them are there. Returns what ends it.
function hear(desk, score) {
  const { model } = desk;
  let waits = false,
    shown = null;
  const refresh = () => {
    if (waits) return;
    waits = true;
    queueMicrotask(() => {
      waits = false;
      if (!model.get("score").svg) return;
      const { piece, selection } = desk;
      if (selection) selection.stop = Math.min(selection.stop, piece.steps);
      if (selection && selection.start >= selection.stop) desk.selection = null;
      desk.caret.step = Math.min(desk.caret.step, piece.steps);
      desk.tell("piece", piece);
      if (shown === model.get("score")) score.measure(shown, piece);
      else score.show((shown = model.get("score")), piece);
      desk.tell("mark");
    });
  };
  const about = () => {
    desk.tell("about", desk.about);
    if (shown) desk.tell("mark");
  };
  const variants = () => desk.tell("variants", model.get("variants"));
  const versions = () => desk.tell("versions", model.get("versions"));
  const busy = () => desk.tell("busy", model.get("busy"));
  const message = (told, buffers) => {
    if (told.kind === "said") desk.say(told.text, told.wrong);
    else if (told.kind === "cursor") desk.goTo(told.step);
    else if (told.kind === "back") {
      if (!desk.entering) return;
      desk.caret = { step: told.step, voice: told.voice }; // of the piece that comes next
      desk.selectNothing();
    }
    else if (told.kind === "opened") {
      desk.begin();
      desk.enter(false);
      desk.goTo(0, 0);
    }
    else if (told.kind === "hymns") desk.tell("hymns", told.hymns);
    else if (told.kind === "file") desk.tell("file", told, buffers);
  };
  const listeners = [
    ["change:score", refresh],
    ["change:piece", refresh],
    ["change:about", about],
    ["change:variants", variants],
    ["change:versions", versions],
    ["change:busy", busy],
    ["msg:custom", message],
  ];
  listeners.forEach(([event, does]) => model.on(event, does));
  for (const first of [busy, refresh, about, variants, versions]) first();
  return () => listeners.forEach(([event, does]) => model.off(event, does));
}

// Light or dark, as what is around it: JupyterLab, VS Code, or else the system.
function followTheme(root) {
  const system = matchMedia("(prefers-color-scheme: dark)");
  const colour = () => {
    const { jpThemeLight, voila, vscodeThemeKind } = document.body.dataset;
    const dark =
      jpThemeLight && !voila
        ? jpThemeLight === "false"
        : vscodeThemeKind // dark, light, high-contrast (which is dark) or high-contrast-light
          ? !vscodeThemeKind.endsWith("light")
          : system.matches;
    root.dataset.theme = dark ? "dark" : "light";
  };
  system.addEventListener("change", colour);
  const around = new MutationObserver(colour);
  around.observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light", "data-vscode-theme-kind"],
  });
  colour();
  return () => {
    around.disconnect();
    system.removeEventListener("change", colour);
  };
}

// Tells Python how wide the score may be, at first and whenever that changes by much.
function followWidth(desk, stage) {
  let width = 0,
    staves = 2,
    later = null;
  const size = () => Math.round(Math.max(280, stage.clientWidth - 16));
  const tell = () => {
    if (stage.clientWidth < 50 || Math.abs(size() - width) < 30) return;
    const first = !width;
    width = size();
    if (first) desk.send("hello", { visitor: visitor(), width });
    else desk.send("resize", { width, staves });
  };
  desk.when("staves", (many) => {
    staves = many;
    desk.send("resize", { width, staves });
  });
  const resized = new ResizeObserver(() => {
    clearTimeout(later);
    later = setTimeout(tell, width ? 200 : 0);
  });
  resized.observe(stage);
  return () => resized.disconnect();
}

export default { render };
