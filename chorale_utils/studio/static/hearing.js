// Hearing: play, tempo, mute and solo. The cursor in the score follows.

function hearing(desk, score) {
  const { choir } = desk;
  const start = button("", "Play from the selection, or from bar 1 (Space)", () => desk.play(), {
    class: "cs-main",
  });
  const show = (playing) =>
    start.replaceChildren(
      playing ? ICONS.halt() : ICONS.play(),
      playing ? "Stop" : "Play", // the button's name stays: it says what Space does
    );
  show(false);

  const mixer = { mute: [false, false, false, false], solo: [false, false, false, false] };
  const mix = () =>
    mixer.mute.forEach((mute, voice) =>
      choir.mute(voice, mixer.solo.some(Boolean) ? !mixer.solo[voice] : mute),
    );

  // From a step on; without one from the selection, or what is playing stops.
  desk.play = (from = null) => {
    if (choir.playing && from === null) return choir.stop();
    if (desk.piece.astray) desk.say(desk.piece.astray, true);
    const begin = from ?? desk.selection?.start ?? 0,
      follow = (step) => score.follow(step);
    choir.play(desk.piece, begin, desk.tempo, follow, () => {
      score.follow(null);
      show(false);
    });
    mix();
    show(true);
  };

  const from = el("input", { type: "number", min: 0, value: 1, "aria-label": "The first bar" });
  let marked = null; // the tempo of the page
  desk.when("piece", (piece) => {
    from.max = piece.bars.at(-1)[2];
    if (piece.tempo === marked) return;
    marked = piece.tempo;
    tempo.value = marked ?? 80;
    setTempo();
  });
  const playBar = () => {
    const bar = desk.piece.bars.find((one) => one[2] >= Number(from.value));
    desk.play(bar ? bar[0] : 0);
  };
  const shown = el("output", {}, "♩ = 80");
  const tempo = el("input", {
    type: "range",
    min: 40,
    max: 160,
    value: 80,
    oninput: () => setTempo(),
  });
  function setTempo() {
    desk.tempo = choir.tempo = Number(tempo.value);
    shown.textContent = `♩ = ${desk.tempo}`;
  }
  const channels = VOICE_NAMES.map((name, voice) => {
    const set = (what) => (on) => {
      mixer[what][voice] = on;
      mix();
    };
    return el(
      "div",
      { class: `cs-group cs-mixer cs-voice-${voice}`, role: "group", "aria-label": name },
      el("b", {}, name[0].toUpperCase()),
      toggle("mute", `Mute the ${name}`, set("mute")),
      toggle("solo", `Solo: the ${name} alone`, set("solo")),
    );
  });
  return panel(
    "Hear",
    start,
    button("Play from bar", "Play from bar…", playBar),
    from,
    labelled("Tempo", tempo),
    shown,
    el("div", { class: "cs-row" }, ...channels),
  );
}
