// Entering: the lengths of notes, rests, accidentals, the piano, a MIDI keyboard, words.

const LENGTHS = [
  [1, "Sixteenth (3)"],
  [2, "Eighth (4)"],
  [4, "Quarter (5)"],
  [8, "Half (6)"],
  [16, "Whole (7)"],
];

function entering(desk) {
  const enter = toggle(
    "Enter notes",
    "Enter notes, or select (N)",
    (on) => desk.enter(on),
    desk.entering,
  );
  const lengths = choice(
    "Length",
    LENGTHS.map(([value, name]) => [value, ICONS[value](), name]),
    desk.length,
    (value) => desk.setLength(value),
  );
  const dot = toggle(ICONS.dot(), "Dotted (.)", (on) => desk.setDotted(on));
  const voices = choice(
    "Voice",
    VOICE_NAMES.map((name, voice) => [voice, name[0].toUpperCase(), name]),
    0,
    (voice) => desk.goTo(desk.caret.step, voice),
  );
  desk.when("length", () => {
    lengths.choose(desk.length);
    dot.press(desk.dotted);
  });
  desk.when("mark", () => {
    enter.press(desk.entering);
    voices.choose(desk.caret.voice);
  });

  const wide = (desk.root.clientWidth || innerWidth) > 700;
  const keys = piano(36, 84, (pitch) => desk.write(pitch));
  keys.hidden = !wide;
  const showKeys = (on) => {
    keys.hidden = !on;
    keys.scrollLeft = keys.scrollWidth / 3;
  };
  const about = "A fermata over what is selected, or over the last note";
  return [
    panel(
      "Enter",
      enter,
      lengths,
      dot,
      button(ICONS.rest(), "A rest (0 or R)", () => desk.write(0)),
      button(ICONS.fermata(), about, () => desk.hold()),
      button("♯", "A semitone up (↑)", () => desk.move(1)),
      button("♭", "A semitone down (↓)", () => desk.move(-1)),
      button(ICONS.back(), "Take the last note away (Backspace)", () => desk.erase()),
      voices,
      toggle("Piano", "Show the piano", showKeys, wide),
      midiKeyboard(desk),
    ),
    words(desk),
    keys,
  ];
}

function midiKeyboard(desk) {
  const hear = ({ data: [kind, pitch, velocity] }) => {
    if ((kind & 0xf0) === 0x90 && velocity) desk.write(pitch); // a key goes down
  };
  const made = button("MIDI keyboard", "Play on a MIDI keyboard", async () => {
    try {
      const access = await navigator.requestMIDIAccess();
      const listen = () => {
        const inputs = [...access.inputs.values()];
        for (const input of inputs) input.onmidimessage = hear;
        const names = inputs.map((input) => input.name).join(", ");
        if (names) desk.say(`Listening to ${names}.`);
        else desk.say("No MIDI keyboard is connected. Plug one in, and it works at once.", true);
      };
      access.onstatechange = listen;
      listen();
    } catch (error) {
      desk.say(`This browser gives no access to MIDI keyboards (${error.message}).`, true);
    }
  });
  made.hidden = !navigator.requestMIDIAccess;
  return made;
}

// Words under the tune. Space goes to the next note, a hyphen says that the word goes on; a line
// that is pasted is laid under one note after the other.
function words(desk) {
  const verse = el("input", { type: "number", min: 1, max: 9, value: 1 });
  const lay = (syllable) => {
    const { tune, voices } = desk.piece,
      notes = voices[tune],
      at = notes.findLastIndex(([start]) => start <= desk.caret.step);
    const note = notes[Math.max(0, at)];
    if (!note) return desk.say("There is no note to sing this on.", true);
    const about = { step: note[0], voice: tune, verse: Number(verse.value) };
    if (syllable) desk.send("say", { ...about, text: syllable });
    const next = notes[Math.max(0, at) + 1];
    if (next) desk.selectNote(tune, next);
    else desk.say("That was the last note.");
  };
  const field = el("input", {
    type: "text",
    class: "cs-words",
    maxlength: "200",
    placeholder: "Ky-ri-e: Space or - goes to the next note",
    onfocus: () => desk.enter(false),
    onkeydown: (event) => {
      const hyphen = event.key === "-";
      if (event.key === "Backspace" && !field.value) {
        const { tune, voices } = desk.piece,
          before = voices[tune].findLast(([start]) => start < desk.caret.step);
        if (before) desk.selectNote(tune, before);
      }
      if (!hyphen && event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      const text = field.value.trim();
      if (hyphen && !text) return;
      lay(text && text + (hyphen ? "-" : ""));
      field.value = "";
    },
    onpaste: (event) => {
      const line = event.clipboardData.getData("text").trim();
      const syllables = line.match(/[^\s-]+-?/g) ?? [];
      if (syllables.length < 2) return;
      event.preventDefault();
      syllables.forEach(lay);
    },
  });
  return panel("Words", labelled("Syllable", field), labelled("Verse", verse));
}
