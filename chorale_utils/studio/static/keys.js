// The score under hand: what mouse, finger and keyboard do in it.

const KEYS = [
  ["A – G", "write the note, nearest to the one before"],
  ["0 or R", "write a rest"],
  ["3 4 5 6 7", "sixteenth, eighth, quarter, half, whole"],
  [".", "dotted, or not"],
  ["N", "enter notes, or select"],
  ["← →", "the note before, the next one; with Shift: select"],
  ["↑ ↓", "a semitone up or down; with Ctrl: an octave"],
  ["Page ↑ ↓", "the voice above or below"],
  ["Home, End", "the beginning, the end"],
  ["Backspace", "take the last note away"],
  ["Delete", "make the selected notes silent"],
  ["L", "lock or unlock what is selected"],
  ["V", "lock or unlock the whole voice"],
  ["Shift+B", "select the bar; again: with all voices"],
  ["Ctrl+A", "select everything"],
  ["Escape", "select nothing, enter nothing"],
  ["H", "harmonise the tune"],
  ["W", "rewrite what is selected"],
  ["Space", "play from here, or stop"],
  ["Ctrl+Z, Ctrl+Y", "undo, redo"],
  ["?", "this list"],
];

// A click: on a note selects it; while notes are entered, writes one; beside the notes selects the
// bar, of all voices with a second click; on a clef selects the voices of its staff.
function clicked(desk, score, event) {
  const place = score.placeUnder(event),
    { note, bar, staff } = place;
  const other = desk.entering && note && note.voice !== desk.caret.voice && !event.shiftKey;
  if (note && !other) return desk.goTo(note.begins, note.voice, event.shiftKey);
  if (desk.entering) {
    const grid = desk.duration % 3 === 0 ? desk.duration / 3 : desk.duration;
    const voice = staff.voices.includes(desk.caret.voice) ? desk.caret.voice : staff.voices[0];
    const struck = desk.piece.voices[voice].find(([at]) => Math.abs(at - place.step) < 0.5);
    const step = bar.start + Math.floor((place.step - bar.start) / grid) * grid;
    desk.caret = { step: struck ? struck[0] : step, voice };
    const letter = ((place.diatonic % 7) + 7) % 7;
    return desk.write(pitchOf(letter, Math.floor(place.diatonic / 7), desk.piece.sharps));
  }
  const voices = event.detail > 1 ? ALL : staff.voices;
  if (place.beforeNotes) return desk.select(0, desk.piece.steps, voices);
  const { selection } = desk;
  if (event.shiftKey && selection)
    return desk.select(
      Math.min(selection.start, bar.start),
      Math.max(selection.stop, bar.stop),
      [...new Set([...selection.voices, ...voices])],
    );
  desk.caret = { step: bar.start, voice: voices[0] };
  desk.anchor = { ...desk.caret };
  desk.select(bar.start, bar.stop, voices);
}

function goToNext(desk, forwards, extend) {
  const { step, voice } = desk.caret,
    starts = desk.piece.voices[voice].map(([start]) => start),
    far = desk.entering ? desk.duration : 0;
  const next = forwards
    ? starts.find((start) => start > step)
    : starts.findLast((start) => start < step);
  desk.goTo(next ?? (forwards ? step + far : step - far), voice, extend);
}

function pressed(desk, event) {
  const control = event.ctrlKey || event.metaKey,
    key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const bar = desk.barAt(desk.caret.step),
    { voice } = desk.caret,
    { selection } = desk;
  const commands = {
    " ": () => desk.play(desk.choir.playing ? null : (selection?.start ?? desk.caret.step)),
    n: () => desk.enter(!desk.entering),
    r: () => desk.write(0),
    0: () => desk.write(0),
    3: () => desk.setLength(1),
    4: () => desk.setLength(2),
    5: () => desk.setLength(4),
    6: () => desk.setLength(8),
    7: () => desk.setLength(16),
    ".": () => desk.setDotted(!desk.dotted),
    l: () => selection && desk.lock(!desk.everyLocked),
    v: () => {
      desk.select(0, desk.piece.steps, [voice]);
      desk.lock(!desk.everyLocked);
    },
    b: () => {
      const again = selection && selection.start === bar[0] && selection.stop === bar[1];
      desk.select(bar[0], bar[1], again ? ALL : [voice]);
    },
    h: () => desk.ask("harmonise"),
    w: () => desk.ask("rewrite"),
    "?": () => showKeys(desk),
    Escape: () => {
      desk.selection = null;
      desk.enter(false);
    },
    Delete: () => selection && desk.send("clear", selection),
    Backspace: () => desk.erase(),
    PageUp: () => desk.goTo(desk.caret.step, Math.max(0, voice - 1)),
    PageDown: () => desk.goTo(desk.caret.step, Math.min(3, voice + 1)),
    Home: () => desk.goTo(0),
    End: () => desk.goTo(desk.piece.steps),
    ArrowLeft: () => goToNext(desk, false, event.shiftKey),
    ArrowRight: () => goToNext(desk, true, event.shiftKey),
    ArrowUp: () => desk.move(control ? 12 : 1),
    ArrowDown: () => desk.move(control ? -12 : -1),
  };
  if (control && key === "a") desk.select(0, desk.piece.steps, ALL);
  else if ((control && !key.startsWith("Arrow")) || event.altKey) return;
  else if (/^[a-g]$/.test(key) && !event.shiftKey)
    desk.writeLetter(LETTERS.indexOf(key.toUpperCase()));
  else if (commands[key]) commands[key]();
  else return;
  event.preventDefault();
  event.stopPropagation();
}
