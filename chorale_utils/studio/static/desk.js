// The desk: what the page itself knows (caret, selection, what is shown), and how it speaks with
// Python and with its panels. A panel says `desk.when("piece", f)` to hear of what changes.

const WORKS = {
  harmonise: "Harmonising",
  rewrite: "Rewriting",
  continue: "Continuing",
  write: "Writing a chorale",
  open: "Opening",
};
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
const ALL = [0, 1, 2, 3]; // the voices

function signed(number) {
  return (number < 0 ? "−" : "+") + Math.abs(number).toFixed(1);
}

function readable(key) {
  return key.replace("-", "♭").replace("#", "♯");
}

class Desk {
  constructor(model, root) {
    this.model = model;
    this.root = root;
    this.choir = new Choir();
    this.hearers = {};
    this.selection = null;
    this.anchor = null;
    this.entering = !this.piece.voices?.some((voice) => voice.length);
    this.length = 4;
    this.dotted = false;
    this.tempo = 80;
    this.show = { faults: true, surprise: false, critic: false, numerals: true };
    this.begin();
  }

  // A new piece: the caret where it begins, the voices where they usually sing.
  begin() {
    this.caret = { step: 0, voice: 0 };
    this.lastPitch = [67, 64, 60, 48];
    this.written = null; // the note that was just written: { voice, stop }
  }

  get piece() {
    return this.model.get("piece");
  }

  get about() {
    return this.model.get("about");
  }

  get faults() {
    return this.about.faults ?? [];
  }

  get duration() {
    return Math.floor(this.length * (this.dotted ? 1.5 : 1)); // no dotted sixteenths
  }

  send(what, about = {}, buffers) {
    this.model.send({ do: what, ...about }, undefined, buffers);
  }

  when(what, does) {
    (this.hearers[what] ??= []).push(does);
  }

  tell(what, ...about) {
    for (const does of this.hearers[what] ?? []) does(...about);
  }

  say(text, wrong = false) {
    this.tell("said", text, wrong);
  }

  // Where things are

  noteAt(voice, step) {
    return this.piece.voices[voice].find(([start, long]) => start <= step && step < start + long);
  }

  noteBefore(voice, step) {
    return this.piece.voices[voice].findLast(([start]) => start < step);
  }

  barAt(step) {
    return this.piece.bars.find(([, stop]) => step < stop) ?? this.piece.bars.at(-1);
  }

  // What is selected, or else the last note before the caret, which Python finds: it may have been
  // written a moment ago.
  get area() {
    const { voice, step } = this.caret;
    return this.selection ?? { voice, before: Math.max(1, step) };
  }

  get everyLocked() {
    const { start, stop, voices } = this.selection;
    return voices.every((voice) =>
      this.piece.voices[voice].every(
        ([begin, long, , locked]) => begin + long <= start || begin >= stop || locked,
      ),
    );
  }

  // Going, selecting, entering

  select(start, stop, voices) {
    this.selection = {
      start: Math.max(0, Math.round(start)),
      stop: Math.min(this.piece.steps, Math.round(stop)),
      voices: [...voices].sort(),
    };
    if (this.selection.start >= this.selection.stop) this.selection = null;
    this.tell("mark");
  }

  selectNote(voice, note) {
    this.caret = { step: note[0], voice };
    this.anchor = { ...this.caret };
    this.select(note[0], note[0] + note[1], [voice]);
  }

  selectNothing() {
    this.selection = null;
    this.tell("mark");
  }

  goTo(step, voice = this.caret.voice, extend = false) {
    this.caret = { step: Math.max(0, Math.min(step, this.piece.steps)), voice };
    const note = this.noteAt(voice, this.caret.step);
    if (extend && this.anchor !== null) {
      const one = this.anchor,
        other = this.caret;
      const end = (at) => {
        const found = this.noteAt(at.voice, at.step);
        return found ? found[0] + found[1] : at.step + 1;
      };
      this.select(
        Math.min(one.step, other.step),
        Math.max(end(one), end(other)),
        ALL.slice(Math.min(one.voice, other.voice), Math.max(one.voice, other.voice) + 1),
      );
    } else {
      this.anchor = { ...this.caret };
      if (note && !this.entering) this.select(note[0], note[0] + note[1], [voice]);
      else this.selectNothing();
    }
  }

  enter(on) {
    this.entering = on;
    if (on) this.selection = null;
    this.tell("mark");
  }

  // Writes a note (a rest: 0) at the caret, which goes on to where it ends.
  write(pitch) {
    if (!this.entering) this.enter(true);
    const { step, voice } = this.caret,
      length = this.duration;
    this.send("put", { voice, step, length, pitch });
    if (pitch) this.choir.sound(voice, pitch);
    this.caret = { step: step + length, voice };
    this.lastPitch[voice] = pitch || this.lastPitch[voice];
    this.written = { voice, stop: step + length };
  }

  writeLetter(letter) {
    const { step, voice } = this.caret,
      goesOn = this.written?.voice === voice && this.written.stop === step,
      before = goesOn ? null : this.noteBefore(voice, step),
      near = before ? before[2] : this.lastPitch[voice];
    const octaves = [2, 3, 4, 5].map((octave) => pitchOf(letter, octave, this.piece.sharps));
    this.write(
      octaves.reduce((one, other) =>
        Math.abs(other - near) < Math.abs(one - near) ? other : one,
      ),
    );
  }

  setLength(length) {
    this.length = length;
    this.tell("length");
  }

  setDotted(on) {
    this.dotted = on;
    this.tell("length");
  }

  move(semitones) {
    if (!this.selection && this.written) this.lastPitch[this.written.voice] += semitones;
    this.send("move", { ...this.area, semitones });
  }

  erase() {
    if (this.selection && !this.entering) this.send("clear", this.selection);
    else this.send("erase", { voice: this.caret.voice, step: this.caret.step });
  }

  hold() {
    this.send("hold", this.area);
  }

  lock(locked) {
    if (this.selection) this.send("lock", { ...this.selection, locked });
  }

  // In words, where the caret is and what is selected

  get described() {
    const { voice, step } = this.caret,
      piece = this.piece,
      note = this.noteAt(voice, step);
    const words = [this.place(step), VOICE_NAMES[voice]];
    if (step < piece.steps) words.push(note ? this.namedNote(note) : "rest");
    const sung = note && piece.words.filter(([at, who]) => at === note[0] && who === voice);
    if (sung?.length) words.push(`“${sung.map(([, , , text]) => text).join(" / ")}”`);
    const nats = this.show.surprise && note && this.about.surprise?.[note[0]]?.[voice];
    if (nats) words.push(`surprise ${nats.toFixed(1)} nats`);
    if (this.show.faults && note)
      for (const { fault, notes } of this.faults)
        if (notes.some(([begins, who]) => begins === note[0] && who === voice)) words.push(fault);
    const inside = step < piece.steps;
    const bar = piece.bars.indexOf(this.barAt(step)),
      odds = inside && this.show.critic && this.about.odds?.[bar];
    if (odds !== undefined && odds !== false) words.push(`critic ${signed(odds)} in this bar`);
    const chord = this.about.harmony?.findLast(({ start }) => start <= step);
    if (chord && this.show.numerals && inside)
      words.push(
        `${chord.numeral} in ${readable(chord.key)}`,
        ...(chord.cadence ? [`${chord.cadence} cadence`] : []),
      );
    if (this.selection) words.push(`selected: ${this.selectedBars}`, this.selectedVoices);
    return words.join("; ");
  }

  place(step) {
    const [start, , number, passed, unit] = this.barAt(step);
    if (step >= this.piece.steps) return "End of the piece";
    return `Bar ${number}, beat ${+((step - start + passed) / unit + 1).toFixed(2)}`;
  }

  namedNote([, long, pitch, locked]) {
    const length = LENGTH_NAMES[long] ?? `${long} sixteenths`;
    return [pitchName(pitch, this.piece.sharps), length, ...(locked ? ["locked"] : [])].join(", ");
  }

  get selectedBars() {
    const first = this.barAt(this.selection.start)[2],
      last = this.barAt(this.selection.stop - 1)[2];
    return first === last ? `bar ${first}` : `bars ${first} to ${last}`;
  }

  get selectedVoices() {
    const { voices } = this.selection;
    return voices.length === 4
      ? "all voices"
      : voices.map((voice) => VOICE_NAMES[voice]).join(", ");
  }

  get numerals() {
    return (this.about.harmony ?? []).map((chord, place, all) => {
      const same = place && all[place - 1].key === chord.key;
      const key = same ? "" : `${readable(chord.key.split(" ")[0])}: `;
      return { ...chord, text: key + chord.numeral };
    });
  }
}
