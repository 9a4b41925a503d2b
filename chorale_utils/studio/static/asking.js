// Selecting bars and voices, locking them, and asking the model.

function keeping(desk) {
  const bar = () =>
    el("input", { type: "number", min: 0, value: 1, oninput: selectBars, onchange: selectBars });
  const from = bar(),
    to = bar();
  const voices = VOICE_NAMES.map((name) =>
    el("input", {
      type: "checkbox",
      checked: true,
      "aria-label": name,
      onchange: () => selectBars(),
    }),
  );

  function selectBars() {
    const bars = desk.piece.bars,
      wanted = Number(from.value);
    const first = bars.find((one) => one[2] >= wanted) ?? bars.at(-1),
      last = bars.findLast((one) => one[2] <= Math.max(wanted, Number(to.value))) ?? first;
    const chosen = ALL.filter((voice) => voices[voice].checked);
    desk.entering = false;
    if (chosen.length) desk.select(first[0], Math.max(first[1], last[1]), chosen);
    else desk.selectNothing();
  }

  const lock = button(
    el("span", {}, ICONS.lock(), "Lock"),
    "Lock what is selected (L): it will not change",
    () => desk.lock(true),
  );
  const unlock = button("Unlock", "Unlock what is selected", () => desk.lock(false));
  desk.when("mark", () => {
    const { selection } = desk;
    lock.disabled = unlock.disabled = !selection;
    if (!selection) return;
    fill(from, desk.barAt(selection.start)[2]);
    fill(to, desk.barAt(selection.stop - 1)[2]);
    voices.forEach((box, voice) => {
      box.checked = selection.voices.includes(voice);
    });
  });
  desk.when("piece", (piece) => {
    from.max = to.max = piece.bars.at(-1)[2];
  });
  const boxes = voices.map((box, voice) => {
    const letter = VOICE_NAMES[voice][0].toUpperCase();
    return el("label", { class: `cs-check cs-voice-${voice}` }, box, letter);
  });
  const everything = () => {
    desk.entering = false;
    desk.select(0, desk.piece.steps, ALL);
  };
  return panel(
    "Select and keep",
    labelled("Bars", from),
    labelled("to", to),
    el("div", { class: "cs-group", role: "group", "aria-label": "Voices" }, ...boxes),
    button("All", "Select everything (Ctrl+A)", everything),
    lock,
    unlock,
  );
}

function asking(desk) {
  const setting = (name, value) => desk.send("settings", { [name]: value });
  const number = (name, min, max, now) => {
    const settle = () => {
      const typed = field.value.trim() === "" ? now() : Math.round(Number(field.value));
      field.value = Math.min(max, Math.max(min, typed));
      setting(name, Number(field.value));
    };
    const field = el("input", { type: "number", min, max, step: 1, onchange: settle });
    return field;
  };
  const seed = number("seed", 0, 2147483647, () => desk.piece.seed),
    bars = number("bars", 1, 40, () => desk.piece.settings.bars);
  const box = (name, about = {}) => {
    const onchange = (event) => setting(name, event.target.checked);
    return el("input", { type: "checkbox", onchange, ...about });
  };
  const keepSeed = box("keep_seed", { "aria-label": "Keep it: the same seed next time" }),
    several = box("several");
  const form = el(
    "select",
    {
      title: "Whether a new chorale has phrases of its own or those of this piece",
      onchange: () => setting("form", form.value),
    },
    el("option", { value: "new" }, "new phrases"),
    el("option", { value: "piece" }, "phrases of this piece"),
  );

  desk.ask = (work) => {
    if (work === "rewrite" && !desk.selection)
      return desk.say("Select the bars or voices to be rewritten first.", true);
    const about = { work, ...(work === "rewrite" ? desk.selection : {}) };
    desk.choir.stop();
    if (desk.entering) desk.enter(false);
    desk.send("ask", about);
  };
  const asks = (work, text, label, about = {}) =>
    button(text, label, () => desk.ask(work), about);
  const rewrite = asks(
    "rewrite",
    "Rewrite selection",
    "Have the selected bars and voices written again (W)",
  );
  desk.when("mark", () => {
    rewrite.disabled = !desk.selection;
  });
  desk.when("piece", ({ settings }) => {
    form.value = settings.form;
    fill(bars, settings.bars);
    several.checked = settings.several;
    keepSeed.checked = settings.keep_seed;
  });
  return panel(
    "Ask",
    asks("harmonise", "Harmonise", "Have the other three voices written to the tune (H)", {
      class: "cs-main",
    }),
    rewrite,
    asks("continue", "Continue", "Have more bars written at the end"),
    asks("write", "Write a chorale", "Have a whole chorale written in this metre and key"),
    labelled("Form", form),
    labelled("New bars", bars),
    checked("three variants", several),
    el("div", { class: "cs-group" }, labelled("Seed", seed), checked("keep it", keepSeed)),
    howItWrites(desk, setting, seed),
  );
}

function howItWrites(desk, setting, seed) {
  const daring = el("output", {});
  const temperature = el("input", {
    type: "range",
    min: 0.3,
    max: 1.5,
    step: 0.05,
    title: "Below 1 it writes what is most usual, above 1 what is less so",
    oninput: () => {
      daring.textContent = temperature.value;
    },
    onchange: () => setting("temperature", Number(temperature.value)),
  });
  const chosen = (name, title, choices) => {
    const field = el(
      "select",
      { title, onchange: () => setting(name, choices[field.selectedIndex][0]) },
      ...choices.map(([value, text]) => el("option", { value }, text)),
    );
    return field;
  };
  const movement = chosen("movement", "How much the voices move", [
    ["", "as it comes"],
    ["calm", "calm"],
    ["lively", "lively"],
  ]);
  const more = "Of so many it takes the best: more of them take longer and break fewer rules";
  const candidates = chosen(
    "particles",
    more,
    [8, 32, 64, 128].map((many) => [many, String(many)]),
  );
  const rules = Object.fromEntries(
    ["parallels", "crossing", "ranges"].map((name) => [
      name,
      el("input", {
        type: "checkbox",
        onchange: (event) => setting(name, event.target.checked),
      }),
    ]),
  );
  desk.when("piece", ({ seed: now, settings }) => {
    fill(seed, now);
    fill(temperature, settings.temperature);
    daring.textContent = settings.temperature;
    movement.value = settings.movement;
    candidates.value = settings.particles;
    for (const [name, box] of Object.entries(rules)) box.checked = settings[name];
  });
  const rule = (name, text) => checked(text, rules[name]);
  return el(
    "details",
    { class: "cs-whole" },
    el("summary", {}, "How it writes"),
    el(
      "div",
      { class: "cs-row" },
      labelled("Temperature", temperature),
      daring,
      labelled("Movement", movement),
      labelled("Candidates", candidates),
      rule("parallels", "allow parallels"),
      rule("crossing", "allow crossing"),
      rule("ranges", "ranges of a choir"),
    ),
  );
}
