// The studio's page: what is clicked and typed becomes commands to Python; what Python tells is
// shown. Where words, selection and sound are concerned the page decides itself.

const LENGTHS = [
  [1, "Sixteenth (3)"],
  [2, "Eighth (4)"],
  [4, "Quarter (5)"],
  [8, "Half (6)"],
  [16, "Whole (7)"],
];
const LENGTH_NAMES = {
  1: "sixteenth",
  2: "eighth",
  3: "dotted eighth",
  4: "quarter",
  6: "dotted quarter",
  8: "half",
  12: "dotted half",
  16: "whole",
};
const KEY_NAMES = [
  "C major",
  "G major",
  "D major",
  "A major",
  "E major",
  "B major",
  "F major",
  "B- major",
  "E- major",
  "A- major",
  "D- major",
  "a minor",
  "e minor",
  "b minor",
  "f# minor",
  "c# minor",
  "g# minor",
  "d minor",
  "g minor",
  "c minor",
  "f minor",
  "b- minor",
];
const METRES = ["4/4", "3/4", "2/4", "2/2", "3/2", "6/8", "6/4", "12/8"];
const WORKS = {
  harmonise: "Harmonising",
  rewrite: "Rewriting",
  continue: "Going on",
  write: "Writing a chorale",
  open: "Opening",
};
const WORDS_KEPT = 200;

function readable(key) {
  return key.replace("-", "♭").replace("#", "♯");
}

function visitor() {
  try {
    let known = localStorage.getItem("chorale-studio");
    if (!known) {
      known = [...crypto.getRandomValues(new Uint8Array(16))]
        .map((byte) => byte.toString(16).padStart(2, "0"))
        .join("");
      localStorage.setItem("chorale-studio", known);
    }
    return known;
  } catch {
    return String(Math.random()); // no storage: nothing is taken up again
  }
}

function render({ model, el: holder }) {
  const send = (what, about = {}, buffers) =>
    model.send({ do: what, ...about }, undefined, buffers);
  const piece = () => model.get("piece");
  const choir = new Choir();
  const root = el("div", {
    class: "chorale-studio",
    "data-lm-suppress-shortcuts": "true",
    "data-jp-suppress-context-menu": "",
  });
  holder.append(root);

  // What the page itself knows
  let caret = { step: 0, voice: 0 },
    selection = null,
    anchor = null;
  let entering = !piece().voices?.some((voice) => voice.length);
  let length = 4,
    dotted = false,
    tempo = 80,
    playingFrom = 0;
  const show = { faults: true, surprise: false, numerals: true };
  const duration = () => Math.floor(length * (dotted ? 1.5 : 1)); // no dotted sixteenths

  // The score

  const drawn = el("div", { class: "cs-drawing" });
  const score = new Score(drawn);
  const stage = el(
    "div",
    {
      class: "cs-score",
      tabindex: "0",
      role: "application",
      "aria-roledescription": "score",
      "aria-label":
        "Score. Type A to G to write notes, arrow keys to go from note to note, " +
        "question mark for all keys.",
    },
    drawn,
  );
  const told = el("p", { class: "cs-told", role: "status", "aria-live": "polite" });
  const said = el("p", { class: "cs-said", role: "alert" });
  const progress = el("progress", { max: 1, value: 0, "aria-label": "Progress" });
  const doing = el("span", {});
  const working = el(
    "div",
    { class: "cs-working", hidden: true },
    doing,
    progress,
    button("Stop", "Stop the model", () => send("stop")),
  );

  const noteAt = (voice, step) =>
    piece().voices[voice].find(([start, long]) => start <= step && step < start + long);

  function describe() {
    const { voice, step } = caret,
      bar = piece().bars.find(([start, stop]) => step < stop) ?? piece().bars.at(-1);
    const note = noteAt(voice, step),
      beat = 16 / Number(piece().metre.split("/")[1]);
    const full =
        16 *
        piece()
          .metre.split("/")
          .reduce((count, unit) => count / unit),
      within = (step - bar[0] + (bar[2] === 0 ? full - piece().pickup : 0)) / beat + 1;
    const words = [
      step >= piece().steps ? "End of the piece" : `Bar ${bar[2]}, beat ${+within.toFixed(2)}`,
      VOICE_NAMES[voice],
    ];
    if (step < piece().steps)
      words.push(
        note
          ? [
              pitchName(note[2], piece().sharps),
              LENGTH_NAMES[note[1]] ?? `${note[1]} sixteenths`,
              ...(note[3] ? ["locked"] : []),
            ].join(", ")
          : "rest",
      );
    const nats = show.surprise && note && model.get("about").surprise?.[note[0]]?.[voice];
    if (nats) words.push(`surprise ${nats.toFixed(1)} nats`);
    for (const fault of piece().faults) {
      if (
        show.faults &&
        fault.voices.includes(voice) &&
        note &&
        note[0] <= fault.step &&
        fault.step < note[0] + note[1]
      )
        words.push(fault.fault);
    }
    if (selection) {
      const first = piece().bars.find(([, stop]) => selection.start < stop),
        last = piece().bars.find(([, stop]) => selection.stop <= stop);
      const bars =
        first && last
          ? first[2] === last[2]
            ? `bar ${first[2]}`
            : `bars ${first[2]} to ${last[2]}`
          : "";
      words.push(
        `selected: ${bars}`,
        selection.voices.length === 4
          ? "all voices"
          : selection.voices.map((one) => VOICE_NAMES[one]).join(", "),
      );
    }
    told.textContent = words.join("; ");
  }

  function mark() {
    const numerals = (model.get("about").harmony ?? []).map((chord, place, all) => ({
      start: chord.start,
      text:
        (place && all[place - 1].key === chord.key
          ? ""
          : `${readable(chord.key.split(" ")[0])}: `) + chord.numeral,
    }));
    score.mark({
      selection,
      caret: entering ? caret : null,
      piece: piece(),
      show,
      surprise: model.get("about").surprise,
      numerals,
    });
    describe();
    rewriteButton.disabled = lockButton.disabled = unlockButton.disabled = !selection;
    if (selection) tell(fromBar, barNumber(selection.start));
    if (selection) tell(toBar, barNumber(selection.stop - 1));
    voiceBoxes.forEach((box, voice) => {
      if (selection) box.checked = selection.voices.includes(voice);
    });
  }

  // Sets a field, unless somebody is typing in it.
  const tell = (field, value) => {
    if (document.activeElement !== field) field.value = value;
  };
  const barNumber = (step) =>
    (piece().bars.find(([start, stop]) => start <= step && step < stop) ??
      piece().bars.at(-1))[2];

  function select(start, stop, voices) {
    selection = {
      start: Math.max(0, Math.round(start)),
      stop: Math.min(piece().steps, Math.round(stop)),
      voices: [...voices].sort(),
    };
    if (selection.start >= selection.stop) selection = null;
    mark();
  }

  function goTo(step, voice = caret.voice, extend = false) {
    caret = { step: Math.max(0, Math.min(step, piece().steps)), voice };
    const note = noteAt(voice, caret.step);
    if (extend && anchor !== null) {
      const [one, other] = [anchor, { step: caret.step, voice }];
      const low = Math.min(one.voice, other.voice),
        high = Math.max(one.voice, other.voice);
      const end = (at) => {
        const found = noteAt(at.voice, at.step);
        return found ? found[0] + found[1] : at.step + 1;
      };
      select(
        Math.min(one.step, other.step),
        Math.max(end(one), end(other)),
        [0, 1, 2, 3].slice(low, high + 1),
      );
    } else {
      anchor = { step: caret.step, voice };
      if (note && !entering) select(note[0], note[0] + note[1], [voice]);
      else {
        selection = null;
        mark();
      }
    }
    voiceChoice.choose(voice);
  }

  function write(pitch) {
    const at = caret.step,
      lasts = duration();
    send("put", { voice: caret.voice, step: at, length: lasts, pitch });
    if (pitch) choir.sound(caret.voice, pitch);
    caret = { step: at + lasts, voice: caret.voice };
    lastPitch[caret.voice] = pitch || lastPitch[caret.voice];
  }

  const lastPitch = [67, 64, 60, 48];
  function writeLetter(letter) {
    if (!entering) enter(true);
    const before = piece().voices[caret.voice].findLast(([start]) => start < caret.step);
    const near = before ? before[2] : lastPitch[caret.voice];
    const octaves = [2, 3, 4, 5].map((octave) => pitchOf(letter, octave, piece().sharps));
    write(
      octaves.reduce((one, other) =>
        Math.abs(other - near) < Math.abs(one - near) ? other : one,
      ),
    );
  }

  function enter(on) {
    entering = on;
    enterToggle.press(on);
    if (on) selection = null;
    mark();
  }

  drawn.addEventListener("click", (event) => {
    stage.focus({ preventScroll: true });
    const place = score.under_(event);
    if (place.note && !(entering && !event.shiftKey && place.note.voice !== caret.voice)) {
      caret.voice = place.note.voice;
      if (entering) {
        caret.step = place.note.begins;
        anchor = { ...caret };
        select(place.note.begins, place.note.begins + 1, [caret.voice]);
        goTo(place.note.begins);
      } else goTo(place.note.begins, place.note.voice, event.shiftKey);
      return;
    }
    if (entering) {
      const grid = duration() % 3 === 0 ? duration() / 3 : duration(),
        within = place.step - place.bar.start;
      const voice = place.staff.voices.includes(caret.voice)
        ? caret.voice
        : place.staff.voices[0];
      const struck = piece().voices[voice].find(([start]) => Math.abs(start - place.step) < 0.5);
      caret = {
        step: struck ? struck[0] : place.bar.start + Math.floor(within / grid) * grid,
        voice,
      };
      voiceChoice.choose(voice);
      write(
        pitchOf(((place.diatonic % 7) + 7) % 7, Math.floor(place.diatonic / 7), piece().sharps),
      );
      return;
    }
    const voices = event.detail > 1 ? [0, 1, 2, 3] : place.staff.voices;
    if (event.shiftKey && selection)
      select(
        Math.min(selection.start, place.bar.start),
        Math.max(selection.stop, place.bar.stop),
        [...new Set([...selection.voices, ...voices])],
      );
    else {
      caret = { step: place.bar.start, voice: voices[0] };
      anchor = { ...caret };
      select(place.bar.start, place.bar.stop, voices);
    }
  });

  // Keys

  const commands = {
    " ": () => (choir.playing ? choir.stop() : play(selection ? selection.start : caret.step)),
    n: () => enter(!entering),
    r: () => {
      if (!entering) enter(true);
      write(0);
    },
    0: () => {
      if (!entering) enter(true);
      write(0);
    },
    3: () => setLength(1),
    4: () => setLength(2),
    5: () => setLength(4),
    6: () => setLength(8),
    7: () => setLength(16),
    ".": () => {
      dotted = !dotted;
      dot.press(dotted);
    },
    l: () => {
      if (selection) lock(!everyLocked());
    },
    v: () => {
      select(0, piece().steps, [caret.voice]);
      lock(!everyLocked());
    },
    b: () => {
      const bar = piece().bars.find(([start, stop]) => caret.step < stop) ?? piece().bars.at(-1);
      const again = selection && selection.start === bar[0] && selection.stop === bar[1];
      select(bar[0], bar[1], again ? [0, 1, 2, 3] : [caret.voice]);
    },
    h: () => ask("harmonise"),
    w: () => ask("rewrite"),
    "?": () => keysDialog(),
    Escape: () => {
      selection = null;
      enter(false);
    },
    Delete: () => {
      if (selection) send("clear", selection);
    },
    Backspace: () => {
      if (selection && !entering) send("clear", selection);
      else send("erase", { voice: caret.voice, step: caret.step });
    },
    PageUp: () => goTo(caret.step, Math.max(0, caret.voice - 1)),
    PageDown: () => goTo(caret.step, Math.min(3, caret.voice + 1)),
    Home: () => goTo(0),
    End: () => goTo(piece().steps),
  };

  function everyLocked() {
    return selection.voices.every((voice) =>
      piece().voices[voice].every(
        ([start, long, , locked]) =>
          start + long <= selection.start || start >= selection.stop || locked,
      ),
    );
  }

  stage.addEventListener("keydown", (event) => {
    const control = event.ctrlKey || event.metaKey,
      key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    let done = true;
    if (control && key === "z") send(event.shiftKey ? "redo" : "undo");
    else if (control && key === "y") send("redo");
    else if (control && key === "a") select(0, piece().steps, [0, 1, 2, 3]);
    else if (key === "ArrowLeft" || key === "ArrowRight") {
      const starts = piece().voices[caret.voice].map(([start]) => start);
      const next =
        key === "ArrowRight"
          ? starts.find((start) => start > caret.step)
          : starts.findLast((start) => start < caret.step);
      goTo(
        next ??
          (key === "ArrowRight"
            ? Math.min(piece().steps, entering ? caret.step + duration() : caret.step)
            : Math.max(0, caret.step - (entering ? duration() : 0))),
        caret.voice,
        event.shiftKey,
      );
    } else if (key === "ArrowUp" || key === "ArrowDown") {
      const by = (key === "ArrowUp" ? 1 : -1) * (control ? 12 : 1);
      const note = selection
        ? null
        : (piece().voices[caret.voice].findLast(([start]) => start < caret.step) ??
          noteAt(caret.voice, caret.step));
      const area =
        selection ?? (note && { start: note[0], stop: note[0] + note[1], voices: [caret.voice] });
      if (area) send("move", { ...area, semitones: by });
    } else if (control || event.altKey) done = false;
    else if (/^[a-g]$/.test(key) && !event.shiftKey)
      writeLetter(LETTERS.indexOf(key.toUpperCase()));
    else if (commands[key]) commands[key]();
    else done = false;
    if (done) {
      event.preventDefault();
      event.stopPropagation();
    }
  });

  // Beginning

  const title = el("input", {
    type: "text",
    placeholder: "Untitled",
    maxlength: "200",
    onchange: () => send("describe", { title: title.value }),
  });
  const keyField = el(
    "select",
    { onchange: () => send("describe", { key: keyField.value }) },
    ...KEY_NAMES.map((name) => el("option", { value: name }, readable(name))),
  );
  const metreField = el(
    "select",
    { onchange: () => send("describe", { time_signature: metreField.value }) },
    ...METRES.map((name) => el("option", { value: name }, name)),
  );
  const pickupField = el("input", {
    type: "number",
    min: 0,
    max: 15,
    step: 0.25,
    value: 0,
    "aria-label": "Pickup in quarters",
    onchange: () => send("describe", { pickup: Math.round(4 * pickupField.value) }),
  });
  const tuneOnly = el("input", { type: "checkbox", checked: true });
  const fileField = el("input", {
    type: "file",
    accept: ".mid,.midi,.musicxml,.xml,.mxl,.krn,.csv",
    class: "cs-hidden",
    tabindex: "-1",
    "aria-hidden": "true",
    onchange: () => {
      if (fileField.files[0]) openFile(fileField.files[0]);
      fileField.value = "";
    },
  });
  const hymnList = el("datalist", { id: `cs-hymns-${Math.random().toString(36).slice(2)}` });
  const hymnField = el("input", {
    type: "text",
    list: hymnList.id,
    placeholder: "a hymn by its title",
    onfocus: () => {
      if (!hymnList.children.length) send("hymns");
    },
    onchange: () => {
      const name = hymns.get(hymnField.value);
      if (name) {
        send("hymn", { name, tune_only: tuneOnly.checked });
        hymnField.value = "";
      }
    },
  });
  const hymns = new Map();
  const undo = button(ICONS.undo(), "Undo (Ctrl+Z)", () => send("undo")),
    redo = button(ICONS.redo(), "Redo (Ctrl+Y)", () => send("redo"));

  async function openFile(file) {
    if (file.size > 8_000_000)
      return say(
        `${file.name} has ${file.size.toLocaleString()} bytes: expected at most 8,000,000.`,
        true,
      );
    send("file", { name: file.name, tune_only: false }, [await file.arrayBuffer()]);
  }

  root.addEventListener("dragover", (event) => {
    event.preventDefault();
    root.classList.add("cs-dropping");
  });
  root.addEventListener("dragleave", () => root.classList.remove("cs-dropping"));
  root.addEventListener("drop", (event) => {
    event.preventDefault();
    root.classList.remove("cs-dropping");
    if (event.dataTransfer.files[0]) openFile(event.dataTransfer.files[0]);
  });

  const beginning = panel(
    "Begin",
    button("New", "An empty piece in this metre and key", () => {
      caret = { step: 0, voice: 0 };
      send("new", {
        time_signature: metreField.value,
        pickup: Math.round(4 * pickupField.value),
        key: keyField.value,
      });
      enter(true);
    }),
    button("Open a file…", "MIDI, MusicXML, kern or CSV; you can also drop it here", () =>
      fileField.click(),
    ),
    fileField,
    labelled("Hymn", hymnField),
    hymnList,
    el("label", { class: "cs-check" }, tuneOnly, "tune only"),
  );
  const naming = panel(
    "Piece",
    labelled("Title", title),
    labelled("Key", keyField),
    labelled("Metre", metreField),
    labelled("Pickup", pickupField),
  );

  // Entering

  const enterToggle = toggle(
    "Enter notes",
    "Enter notes, or select (N)",
    (on) => enter(on),
    entering,
  );
  const setLength = (value) => {
    length = value;
    lengthChoice.choose(value);
  };
  const lengthChoice = choice(
    "Length",
    LENGTHS.map(([value, name]) => [value, ICONS[value](), name]),
    4,
    setLength,
  );
  const dot = toggle(ICONS.dot(), "Dotted (.)", (on) => {
    dotted = on;
  });
  const voiceChoice = choice(
    "Voice",
    VOICE_NAMES.map((name, voice) => [voice, name[0].toUpperCase(), name]),
    0,
    (voice) => goTo(caret.step, voice),
  );
  const keys = piano(48, 84, (pitch) => {
    if (!entering) enter(true);
    write(pitch);
  });
  const pianoToggle = toggle(
    "Piano",
    "Show the piano",
    (on) => {
      keys.hidden = !on;
    },
    innerWidth > 700,
  );
  keys.hidden = innerWidth <= 700;
  const midi = button("MIDI keyboard", "Play on a MIDI keyboard", async () => {
    try {
      const access = await navigator.requestMIDIAccess();
      const inputs = [...access.inputs.values()];
      inputs.forEach((input) => {
        input.onmidimessage = ({ data: [kind, pitch, velocity] }) => {
          if ((kind & 0xf0) === 0x90 && velocity) {
            if (!entering) enter(true);
            write(pitch);
          }
        };
      });
      say(
        inputs.length
          ? `Listening to ${inputs.map((input) => input.name).join(", ")}.`
          : "No MIDI keyboard is connected.",
        !inputs.length,
      );
    } catch (error) {
      say(`This browser gives no access to MIDI keyboards (${error.message}).`, true);
    }
  });
  midi.hidden = !navigator.requestMIDIAccess;
  const wordsField = el("input", {
    type: "text",
    maxlength: String(WORDS_KEPT),
    placeholder: "a syllable; Space: next note; -: the word goes on",
    onkeydown: (event) => {
      if (event.key !== " " && event.key !== "Enter" && event.key !== "-") return;
      event.preventDefault();
      const starts = piece().voices[0].map(([start]) => start),
        at = starts.findLast((start) => start <= caret.step) ?? starts[0];
      if (at === undefined) return say("There is no note to sing this on.", true);
      const text = wordsField.value.trim();
      if (text)
        send("say", {
          step: at,
          text: text + (event.key === "-" ? "-" : ""),
          voice: 0,
          verse: Number(verseField.value),
        });
      wordsField.value = "";
      const next = starts.find((start) => start > at);
      if (next !== undefined) {
        caret = { step: next, voice: 0 };
        anchor = { ...caret };
        const note = noteAt(0, next);
        select(next, next + note[1], [0]);
      }
    },
  });
  const verseField = el("input", { type: "number", min: 1, max: 9, value: 1 });
  const entry = panel(
    "Enter",
    enterToggle,
    lengthChoice,
    dot,
    button(ICONS.rest(), "A rest (0 or R)", () => {
      if (!entering) enter(true);
      write(0);
    }),
    button(ICONS.fermata(), "A fermata over what is selected, or over the last note", () => {
      const last = piece().voices[caret.voice].findLast(
        ([start]) => start < Math.max(1, caret.step),
      );
      const area =
        selection ?? (last && { start: last[0], stop: last[0] + last[1], voices: [caret.voice] });
      if (area) send("hold", area);
    }),
    button("♯", "A semitone up (↑)", () => shift(1)),
    button("♭", "A semitone down (↓)", () => shift(-1)),
    button(ICONS.back(), "Take the last note away (Backspace)", () => commands.Backspace()),
    voiceChoice,
    pianoToggle,
    midi,
    labelled("Words", wordsField),
    labelled("Verse", verseField),
  );

  function shift(by) {
    const note = piece().voices[caret.voice].findLast(
      ([start]) => start < Math.max(1, caret.step),
    );
    const area =
      selection ?? (note && { start: note[0], stop: note[0] + note[1], voices: [caret.voice] });
    if (area) send("move", { ...area, semitones: by });
  }

  // Selecting and keeping

  const fromBar = el("input", { type: "number", min: 0, value: 1, onchange: () => selectBars() });
  const toBar = el("input", { type: "number", min: 0, value: 1, onchange: () => selectBars() });
  const voiceBoxes = VOICE_NAMES.map((name) =>
    el("input", {
      type: "checkbox",
      checked: true,
      "aria-label": name,
      onchange: () => selectBars(),
    }),
  );
  function selectBars() {
    const bars = piece().bars,
      first = bars.find((bar) => bar[2] >= Number(fromBar.value)) ?? bars[0];
    const last =
      bars.findLast((bar) => bar[2] <= Math.max(Number(fromBar.value), Number(toBar.value))) ??
      first;
    const voices = [0, 1, 2, 3].filter((voice) => voiceBoxes[voice].checked);
    if (entering) {
      entering = false;
      enterToggle.press(false);
    }
    if (voices.length) select(first[0], Math.max(first[1], last[1]), voices);
    else {
      selection = null;
      mark();
    }
  }
  const lock = (locked) => {
    if (selection) send("lock", { ...selection, locked });
  };
  const lockButton = button(
    el("span", {}, ICONS.lock(), "Lock"),
    "Lock what is selected (L): it will not change",
    () => lock(true),
  );
  const unlockButton = button("Unlock", "Unlock what is selected", () => lock(false));
  const keeping = panel(
    "Select and keep",
    labelled("Bars", fromBar),
    labelled("to", toBar),
    el(
      "div",
      { class: "cs-group", role: "group", "aria-label": "Voices" },
      ...voiceBoxes.map((box, voice) =>
        el(
          "label",
          { class: `cs-check cs-voice-${voice}` },
          box,
          VOICE_NAMES[voice][0].toUpperCase(),
        ),
      ),
    ),
    button("All", "Select everything (Ctrl+A)", () => select(0, piece().steps, [0, 1, 2, 3])),
    lockButton,
    unlockButton,
  );

  // Asking

  const seed = el("input", {
    type: "number",
    min: 0,
    max: 2147483647,
    step: 1,
    onchange: () => send("settings", { seed: Number(seed.value) }),
  });
  const keepSeed = el("input", { type: "checkbox" }),
    several = el("input", { type: "checkbox" });
  const barsField = el("input", { type: "number", min: 1, max: 40, value: 4 });
  function ask(work) {
    choir.stop();
    const about = {
      work,
      bars: Number(barsField.value),
      several: several.checked,
      keep_seed: keepSeed.checked,
    };
    if (work === "rewrite") {
      if (!selection) return say("Select the bars or voices to be rewritten first.", true);
      Object.assign(about, selection);
    }
    if (entering) enter(false);
    send("ask", about);
  }
  const rewriteButton = button(
    "Rewrite selection",
    "Have the selected bars and voices written again (W)",
    () => ask("rewrite"),
  );
  const temperature = el("input", {
    type: "range",
    min: 0.3,
    max: 1.5,
    step: 0.05,
    onchange: () => send("settings", { temperature: Number(temperature.value) }),
  });
  const movement = el(
    "select",
    { onchange: () => send("settings", { movement: movement.value }) },
    ...[
      ["", "as it comes"],
      ["calm", "calm"],
      ["lively", "lively"],
    ].map(([value, text]) => el("option", { value }, text)),
  );
  const candidates = el(
    "select",
    { onchange: () => send("settings", { particles: Number(candidates.value) }) },
    ...[8, 32, 128].map((many) => el("option", { value: many }, String(many))),
  );
  const rules = ["parallels", "crossing", "ranges"].map((name) =>
    el("input", {
      type: "checkbox",
      onchange: (event) =>
        send("settings", {
          [name]: name === "ranges" ? event.target.checked : event.target.checked,
        }),
    }),
  );
  const asking = panel(
    "Ask",
    button(
      "Harmonise",
      "Have the other three voices written to the tune (H)",
      () => ask("harmonise"),
      { class: "cs-main" },
    ),
    rewriteButton,
    button("Continue", "Have more bars written at the end", () => ask("continue")),
    button("Write a chorale", "Have a whole chorale written in this metre and key", () =>
      ask("write"),
    ),
    labelled("New bars", barsField),
    el("label", { class: "cs-check" }, several, "three variants"),
    labelled("Seed", seed),
    el("label", { class: "cs-check" }, keepSeed, "keep it"),
    el(
      "details",
      {},
      el("summary", {}, "How it writes"),
      el(
        "div",
        { class: "cs-row" },
        labelled("Temperature", temperature),
        labelled("Movement", movement),
        labelled("Candidates", candidates),
        ...[
          ["allow parallels", 0],
          ["allow crossing", 1],
          ["Bach's ranges", 2],
        ].map(([text, place]) => el("label", { class: "cs-check" }, rules[place], text)),
      ),
    ),
  );

  // Hearing

  const playButton = button(
    el("span", {}, ICONS.play(), "Play"),
    "Play from the selection, or from bar 1 (Space)",
    () => (choir.playing ? choir.stop() : play(selection ? selection.start : 0)),
    { class: "cs-main" },
  );
  const fromField = el("input", { type: "number", min: 0, value: 1 });
  const tempoField = el("input", {
    type: "range",
    min: 40,
    max: 160,
    value: 80,
    oninput: () => {
      tempo = choir.tempo = Number(tempoField.value);
      tempoText.textContent = `♩ = ${tempo}`;
    },
  });
  const tempoText = el("output", {}, "♩ = 80");
  const mixer = { mute: [false, false, false, false], solo: [false, false, false, false] };
  const mix = () =>
    mixer.mute.forEach((mute, voice) =>
      choir.mute(voice, mixer.solo.some(Boolean) ? !mixer.solo[voice] : mute),
    );
  function play(from) {
    choir.play(
      piece(),
      from,
      tempo,
      (step) => score.follow(step),
      () => {
        score.follow(null);
        playButton.replaceChildren(ICONS.play(), "Play");
      },
    );
    mix();
    playButton.replaceChildren(ICONS.halt(), "Stop");
  }
  const hearing = panel(
    "Hear",
    playButton,
    labelled("From bar", fromField),
    button("from there", "Play from this bar", () => {
      const bar = piece().bars.find((one) => one[2] >= Number(fromField.value));
      play(bar ? bar[0] : 0);
    }),
    labelled("Tempo", tempoField),
    tempoText,
    ...VOICE_NAMES.map((name, voice) =>
      el(
        "div",
        { class: `cs-group cs-mixer cs-voice-${voice}`, role: "group", "aria-label": name },
        el("b", {}, name[0].toUpperCase()),
        toggle("M", `Mute the ${name}`, (on) => {
          mixer.mute[voice] = on;
          mix();
        }),
        toggle("S", `${name} alone`, (on) => {
          mixer.solo[voice] = on;
          mix();
        }),
      ),
    ),
  );

  // Seeing

  const wide = toggle("Four staves", "A staff for each voice", (on) =>
    send("resize", { width: size(), staves: on ? 4 : 2 }),
  );
  const faultList = el("ul", { class: "cs-faults", "aria-label": "Faults" });
  const faultTitle = el("summary", {}, "No faults");
  const opinion = el("p", { class: "cs-opinion" });
  const seeing = panel(
    "See",
    toggle(
      "Faults",
      "Show faults of part-writing",
      (on) => {
        show.faults = on;
        mark();
      },
      true,
    ),
    toggle("Surprise", "Colour what surprises the model", (on) => {
      show.surprise = on;
      send("surprise", { wanted: on });
      mark();
    }),
    toggle(
      "Numerals",
      "Show Roman numerals",
      (on) => {
        show.numerals = on;
        mark();
      },
      true,
    ),
    wide,
    button("Keys ?", "All keys (?)", () => keysDialog()),
  );
  const findings = el("details", { class: "cs-findings" }, faultTitle, faultList);

  function keysDialog() {
    const made = dialog(
      "Keys",
      el(
        "dl",
        { class: "cs-keys" },
        ...KEYS.flatMap(([key, what]) => [el("dt", {}, key), el("dd", {}, what)]),
      ),
    );
    root.append(made);
    made.showModal();
  }

  // Taking away

  const taking = panel(
    "Take away",
    ...[
      ["MusicXML", "musicxml"],
      ["MIDI", "midi"],
      ["PDF", "pdf"],
      ["MP3", "mp3"],
      ["Python", "python"],
    ].map(([text, kind]) =>
      button(
        text,
        kind === "python" ? "The Python that does the same" : `Save as ${text}`,
        () => send("export", { kind, tempo }),
        { "data-export": kind },
      ),
    ),
  );

  // Variants

  const variantList = el("div", { class: "cs-variants", "aria-label": "Variants", hidden: true });
  function showVariants() {
    const variants = model.get("variants");
    variantList.hidden = !variants.length;
    variantList.replaceChildren(
      ...variants.map((variant, number) => {
        const drawing = el("div", { class: "cs-drawing" }),
          own = new Score(drawing);
        const about = {
          ...piece(),
          voices: variant.voices,
          steps: Math.max(...variant.voices.flat().map(([start, long]) => start + long)),
          faults: [],
          words: [],
        };
        const card = el(
          "section",
          { class: "cs-variant", "aria-label": `Variant ${number + 1}` },
          el(
            "div",
            { class: "cs-row" },
            el("b", {}, `Variant ${number + 1}`),
            el("span", {}, `seed ${variant.seed}, ${variant.faults} faults`),
            button(ICONS.play(), `Play variant ${number + 1}`, () =>
              choir.play(
                about,
                0,
                tempo,
                (step) => own.follow(step),
                () => own.follow(null),
              ),
            ),
            button("Take this", `Take variant ${number + 1}`, () => send("take", { number }), {
              class: "cs-main",
            }),
          ),
          drawing,
        );
        own.show(variant, about);
        own.mark({
          selection: null,
          caret: null,
          piece: about,
          show: {},
          differs: variant.differs,
        });
        return card;
      }),
      ...(variants.length
        ? [button("None of these", "Keep the piece as it is", () => send("drop variants"))]
        : []),
    );
  }

  // What Python tells

  function say(text, wrong = false) {
    said.textContent = text;
    said.classList.toggle("cs-wrong", wrong);
  }

  let waits = false;
  function showPiece() {
    const now = piece();
    tell(title, now.title);
    if (![...keyField.options].some((option) => option.value === now.key))
      keyField.append(el("option", { value: now.key }, readable(now.key)));
    if (![...metreField.options].some((option) => option.value === now.metre))
      metreField.append(el("option", { value: now.metre }, now.metre));
    keyField.value = now.key;
    metreField.value = now.metre;
    tell(pickupField, now.pickup / 4);
    undo.disabled = !now.undo;
    redo.disabled = !now.redo;
    undo.title = now.undo ? `Undo ${now.undo} (Ctrl+Z)` : "Nothing to undo";
    redo.title = now.redo ? `Redo ${now.redo} (Ctrl+Y)` : "Nothing to redo";
    tell(seed, now.seed);
    tell(temperature, now.settings.temperature);
    movement.value = now.settings.movement;
    candidates.value = now.settings.particles;
    ["parallels", "crossing", "ranges"].forEach((name, place) => {
      rules[place].checked = now.settings[name];
    });
    for (const field of [fromBar, toBar, fromField]) field.max = now.bars.at(-1)[2];
    faultTitle.textContent = now.faults.length
      ? `${now.faults.length} fault${now.faults.length > 1 ? "s" : ""} of part-writing`
      : "No faults of part-writing";
    faultList.replaceChildren(
      ...now.faults.map((fault) => {
        const bar = barNumber(fault.step),
          names = fault.voices.map((voice) => VOICE_NAMES[voice]).join(" and ");
        return el(
          "li",
          {},
          button(
            `Bar ${bar}: ${fault.fault}`,
            `Show it: bar ${bar}, ${fault.fault}`,
            () => {
              enter(false);
              caret = { step: fault.step, voice: fault.voices[0] };
              select(fault.step, fault.step + 1, fault.voices);
            },
            { class: "cs-link" },
          ),
          ` ${names}: ${fault.what}.`,
        );
      }),
    );
    if (selection) selection.stop = Math.min(selection.stop, now.steps);
    if (selection && selection.start >= selection.stop) selection = null;
    if (caret.step > now.steps) caret.step = now.steps;
  }

  // The traits arrive one after the other: shown once, when all are there.
  function refresh() {
    if (waits) return;
    waits = true;
    queueMicrotask(() => {
      waits = false;
      if (!model.get("score").svg) return;
      showPiece();
      if (shown !== model.get("score")) {
        shown = model.get("score");
        score.show(shown, piece());
      } else score.measure(shown, piece());
      mark();
    });
  }
  let shown = null;

  function showAbout() {
    const judged = model.get("about").opinion;
    opinion.textContent =
      judged?.grade === undefined
        ? ""
        : `Grade ${judged.grade} (Bach's middle piece: 0). ${judged.reasons
            .filter(([, points]) => points < -0.5)
            .map(([name, points]) => `${name} ${points}`)
            .join(", ")}`;
    if (shown) mark();
  }

  function showBusy() {
    const busy = model.get("busy"),
      on = Boolean(busy.work);
    working.hidden = !on;
    root.toggleAttribute("aria-busy", on);
    if (!on) return;
    const which = busy.turns > 1 ? ` (${busy.turn + 1} of ${busy.turns})` : "";
    doing.textContent =
      busy.state === "waiting" && busy.before
        ? `${WORKS[busy.work]}${which}: ${busy.before} before you`
        : busy.state === "starting" || busy.state === "waiting"
          ? `${WORKS[busy.work]}${which}: the model gets ready…`
          : `${WORKS[busy.work]}${which}…`;
    if (busy.state === "working")
      progress.value =
        ((busy.turn || 0) + busy.done / Math.max(1, busy.total)) / (busy.turns || 1);
    else progress.removeAttribute("value");
  }

  const hear = (message, buffers) => {
    if (message.kind === "said") say(message.text, message.wrong);
    else if (message.kind === "cursor") {
      caret.step = message.step;
      mark();
    } else if (message.kind === "hymns") {
      message.hymns.forEach(([name, text]) => {
        const label = hymns.has(text) ? `${text} (${name})` : text;
        hymns.set(label, name);
        hymnList.append(el("option", { value: label }));
      });
    } else if (message.kind === "file" && message.of === "python") {
      const text = new TextDecoder().decode(buffers[0]);
      const made = dialog(
        "The Python that does the same",
        el("pre", { tabindex: "0" }, text),
        button(
          "Copy",
          "Copy it",
          async (event) => {
            await navigator.clipboard.writeText(text);
            event.target.textContent = "Copied";
          },
          { class: "cs-main" },
        ),
        button("Save", "Save it as a file", () => save(message.name, message.type, text)),
      );
      root.append(made);
      made.showModal();
    } else if (message.kind === "file") save(message.name, message.type, buffers[0]);
  };

  const listeners = [
    ["change:score", refresh],
    ["change:piece", refresh],
    ["change:about", showAbout],
    ["change:variants", showVariants],
    ["change:busy", showBusy],
    ["msg:custom", hear],
  ];
  listeners.forEach(([event, does]) => model.on(event, does));

  const header = el("header", {}, el("h2", {}, "Studio"), undo, redo, working);
  root.append(
    header,
    beginning,
    naming,
    entry,
    keys,
    stage,
    told,
    said,
    asking,
    keeping,
    hearing,
    seeing,
    findings,
    opinion,
    variantList,
    taking,
  );

  // Light or dark, as what is around it: JupyterLab, VS Code, or else the system.

  const system = matchMedia("(prefers-color-scheme: dark)");
  function colour() {
    const { jpThemeLight, voila } = document.body.dataset,
      vscode = document.body.className.match(/vscode-(dark|light)/);
    const dark =
      jpThemeLight && !voila
        ? jpThemeLight === "false"
        : vscode
          ? vscode[1] === "dark"
          : system.matches;
    root.dataset.theme = dark ? "dark" : "light";
  }
  system.addEventListener("change", colour);
  const around = new MutationObserver(colour);
  around.observe(document.body, {
    attributes: true,
    attributeFilter: ["data-jp-theme-light", "class"],
  });
  colour();

  const size = () => Math.round(Math.max(280, stage.clientWidth - 16));
  let told_ = 0,
    later = null;
  const resized = new ResizeObserver(() => {
    clearTimeout(later);
    later = setTimeout(
      () => {
        if (stage.clientWidth < 50 || Math.abs(size() - told_) < 30) return;
        const first = !told_;
        told_ = size();
        if (first) send("hello", { visitor: visitor(), width: told_ });
        else send("resize", { width: told_, staves: score.staves ?? 2 });
      },
      told_ ? 200 : 0,
    );
  });
  resized.observe(stage);

  showBusy();
  refresh();
  showVariants();
  return () => {
    choir.stop();
    resized.disconnect();
    around.disconnect();
    system.removeEventListener("change", colour);
    listeners.forEach(([event, does]) => model.off(event, does));
  };
}

export default { render };
