// Seeing: faults and their explanations, surprise, what critic and judge say, numerals, variants.

function seeing(desk) {
  const shows = (name, text, label) =>
    toggle(
      text,
      label,
      (on) => {
        desk.show[name] = on;
        const { surprise, critic } = desk.show; // which only the model's process knows
        if (name === "surprise" || name === "critic")
          desk.send("look", { wanted: surprise || critic });
        desk.tell("mark");
      },
      desk.show[name],
    );
  const staves = toggle("Four staves", "A staff for each voice", (on) =>
    desk.tell("staves", on ? 4 : 2),
  );
  return panel(
    "See",
    shows("faults", "Faults", "Show faults of part-writing"),
    shows("surprise", "Surprise", "Colour what surprises the model"),
    shows("critic", "Critic", "Show for each bar how much it sounds like Bach"),
    shows("numerals", "Numerals", "Show Roman numerals"),
    staves,
    button("Keys", "Keys of the studio (?)", () => showKeys(desk)),
  );
}

function showKeys(desk) {
  const rows = KEYS.flatMap(([key, what]) => [el("dt", {}, key), el("dd", {}, what)]);
  openDialog(desk.root, "Keys", el("dl", { class: "cs-keys" }, ...rows));
}

// The list of faults; each leads to its place in the score.
function findings(desk) {
  const title = el("summary", {}, "No faults of part-writing"),
    list = el("ul", { class: "cs-faults", "aria-label": "Faults" });
  const told = (fault) => {
    const bar = desk.barAt(fault.step)[2],
      names = fault.voices.map((voice) => VOICE_NAMES[voice]).join(" and ");
    const go = () => {
      desk.entering = false;
      desk.caret = { step: fault.step, voice: fault.voices[0] };
      desk.select(fault.step, fault.step + 1, fault.voices);
    };
    const label = `Show it: bar ${bar}, ${fault.fault}`;
    const link = button(`Bar ${bar}: ${fault.fault}`, label, go, { class: "cs-link" });
    return el("li", {}, link, ` ${names}: ${fault.what}`);
  };
  desk.when("about", ({ faults }) => {
    const sing = desk.piece.voices.filter((voice) => voice.length);
    made.hidden = sing.length < 3; // of one or two voices nobody asks
    const many = faults?.length || "No";
    title.textContent = faults
      ? `${many} fault${many === 1 ? "" : "s"} of part-writing`
      : "Looking for faults of part-writing…";
    list.replaceChildren(...(faults ?? []).map(told));
  });
  const made = el("details", { class: "cs-findings" }, title, list);
  return made;
}

// What critic and judge say of four voices: the critic where it hears least of Bach, the judge a
// grade, and what costs most.
function opinion(desk) {
  const shown = el("p", { class: "cs-opinion" }),
    criticised = el("p", { class: "cs-opinion" }),
    colours = [1, 2, 3, 4].map((nats) => el("b", { class: `cs-nats-${nats}` }, ` ${nats} `)),
    surprised = el("p", { class: "cs-opinion" }, "Surprise in nats:", ...colours, "or more.");
  desk.when("mark", () => {
    surprised.hidden = !desk.show.surprise;
    const { odds } = desk.about;
    criticised.hidden = !desk.show.critic || !odds;
    if (criticised.hidden) return;
    const bars = desk.piece.bars.map(([, , number], place) => [number, odds[place]]),
      low = bars.filter(([, one]) => one < 0).sort((one, other) => one[1] - other[1]);
    const told = low.slice(0, 3).map(([number, one]) => `${number} (${signed(one)})`);
    const sum = odds.reduce((one, other) => one + other, 0);
    criticised.textContent =
      `Critic ${signed(sum)} for the whole: log-odds that Bach wrote it and not the machine. ` +
      (told.length
        ? `Least like him: ${told.length > 1 ? "bars" : "bar"} ${told.join(", ")}.`
        : "Every bar is more like Bach.");
  });
  desk.when("about", ({ opinion: judged }) => {
    if (judged?.grade === undefined) return shown.replaceChildren();
    const costs = judged.reasons
      .filter(([, points]) => points < -0.5)
      .map(([name, points]) => `${name} ${signed(points)}`);
    const why = costs.length ? ` It loses most through ${costs.join(", ")}.` : "";
    shown.textContent = `Grade ${signed(judged.grade)}; Bach's median piece has 0.${why}`;
  });
  return el("div", {}, surprised, criticised, shown);
}

// Several answers of the model side by side, where they differ in colour.
function variants(desk) {
  const list = el("section", { class: "cs-variants", "aria-label": "Variants", hidden: true });
  const none = () => {
    desk.choir.stop();
    desk.send("drop variants");
  };
  desk.when("variants", (told) => {
    list.hidden = !told.length;
    const [first, last] = told[0]?.written ?? [];
    const bars = first === last ? `bar ${first}` : `bars ${first} to ${last}`;
    list.replaceChildren(
      el(
        "div",
        { class: "cs-row" },
        el("span", {}, `${told.length} variants of ${bars}; notes that differ are blue.`),
        button("None of these", "Keep the piece as it is", none),
      ),
      ...told.map((variant, number) => variantCard(desk, variant, number)),
    );
    if (told.length) list.scrollIntoView({ block: "nearest" });
  });
  return list;
}

function variantCard(desk, variant, number) {
  const drawing = el("div", { class: "cs-drawing" }),
    score = new Score(drawing),
    piece = { ...variant, steps: variant.bars.at(-1)[1] },
    name = `variant ${number + 1}`;
  const follow = (step) => score.follow(step);
  const play = () => desk.choir.play(piece, 0, desk.tempo, follow, () => follow(null));
  const take = () => {
    desk.choir.stop();
    desk.send("take", { number });
  };
  const faults = `${variant.faults} fault${variant.faults === 1 ? "" : "s"}`;
  const made = el(
    "section",
    { class: "cs-variant", "aria-label": `Variant ${number + 1}` },
    el(
      "div",
      { class: "cs-row" },
      el("b", {}, `Variant ${number + 1}`),
      el("span", {}, `seed ${variant.seed}, ${faults}`),
      button(ICONS.play(), `Play ${name}`, play),
      button("Take this", `Take ${name}`, take, { class: "cs-main" }),
    ),
    drawing,
  );
  queueMicrotask(() => {
    score.show(variant, piece); // once it is on the page, where it can be measured
    score.mark({ selection: null, piece, show: {}, differs: variant.differs });
  });
  return made;
}
