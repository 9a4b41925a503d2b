// The score: shows what Verovio has drawn, knows where each step and voice lies in it, and draws
// over it: selection, locks, faults, cursors. Places are in the drawing's own units.

const SVG = "http://www.w3.org/2000/svg";
const VOICE_NAMES = ["soprano", "alto", "tenor", "bass"];
const LETTERS = "CDEFGAB";
const SEMITONES = [0, 2, 4, 5, 7, 9, 11]; // of the letters, above C
const ROOM = 800; // between two lines, more than Verovio leaves: for numerals and the critic

// The MIDI number of a letter (0..6) in an octave, altered as a signature of so many sharps (or
// flats, negative) has it.
function pitchOf(letter, octave, sharps) {
  const place = "FCGDAEB".indexOf(LETTERS[letter]);
  const altered = sharps > 0 ? (place < sharps ? 1 : 0) : 6 - place < -sharps ? -1 : 0;
  return 12 * (octave + 1) + SEMITONES[letter] + altered;
}

function pitchName(pitch, sharps = 0) {
  const names =
    sharps < 0
      ? ["C", "D♭", "D", "E♭", "E", "F", "G♭", "G", "A♭", "A", "B♭", "B"]
      : ["C", "C♯", "D", "D♯", "E", "F", "F♯", "G", "G♯", "A", "A♯", "B"];
  return names[pitch % 12] + (Math.floor(pitch / 12) - 1);
}

class Score {
  constructor(holder) {
    this.holder = holder;
  }

  // Shows a drawing. `piece` tells its bars and notes.
  show(drawing, piece) {
    const parsed = new DOMParser().parseFromString(drawing.svg, "image/svg+xml").documentElement;
    const width = parseFloat(parsed.getAttribute("width")),
      height = parseFloat(parsed.getAttribute("height"));
    const systems = [...parsed.querySelectorAll(".system")],
      inner = parsed.querySelector("svg"),
      [, , wide, high] = inner.getAttribute("viewBox").split(" ").map(Number),
      room = ROOM * (systems.length - 1);
    systems.forEach((system, line) =>
      system.setAttribute("transform", `translate(0 ${ROOM * line})`),
    );
    inner.setAttribute("viewBox", `0 0 ${wide} ${high + room}`);
    parsed.setAttribute("viewBox", `0 0 ${width} ${height + (room * height) / high}`);
    parsed.removeAttribute("height");
    parsed.setAttribute("width", "100%");
    parsed.style.maxWidth = width + "px";
    parsed.setAttribute("aria-hidden", "true"); // the page says in words what is selected
    parsed.setAttribute("focusable", "false");
    this.svg = document.importNode(parsed, true);
    this.holder.replaceChildren(this.svg);
    this.inner = this.svg.querySelector("svg");
    this.page = this.svg.querySelector(".page-margin");
    this.under = this.page.insertBefore(document.createElementNS(SVG, "g"), this.page.firstChild);
    this.over = this.page.appendChild(document.createElementNS(SVG, "g"));
    this.over.style.pointerEvents = "none";
    this.staves = drawing.staves;
    this.measure(drawing, piece);
  }

  measure(drawing, piece) {
    const voicesOf =
      this.staves === 2
        ? [
            [0, 1],
            [2, 3],
          ]
        : [[0], [1], [2], [3]];
    this.bars = [];
    this.notes = []; // { step, voice, element, x, y }
    const drawn = [...this.page.querySelectorAll(".measure")],
      systems = [...this.page.querySelectorAll(".system")];
    let before = null;
    drawn.forEach((element, number) => {
      const [start, stop, count] = piece.bars[number] ?? [0, 0, 0];
      const staves = [...element.children].filter((child) => child.classList.contains("staff"));
      const system = systems.indexOf(element.closest(".system")),
        down = ROOM * system;
      const bar = { start, stop, count, system, staves: [], anchors: new Map() };
      staves.forEach((staff, place) => {
        const lines = [...staff.children]
          .filter((child) => child.tagName === "path")
          .map((line) =>
            line
              .getAttribute("d")
              .match(/-?[\d.]+/g)
              .map(Number),
          );
        bar.left = lines[0][0];
        bar.right = lines[0][2];
        bar.staves.push({
          top: lines[0][1] + down,
          bottom: lines[4][1] + down,
          space: lines[1][1] - lines[0][1],
          voices: voicesOf[place],
        });
        const layers = [...staff.children].filter((child) => child.classList.contains("layer"));
        layers.forEach((layer, which) =>
          layer.querySelectorAll(".note").forEach((note) => {
            const head = note.querySelector("use");
            const step = drawing.notes[note.id];
            if (!head || step === undefined) return;
            const [x, y] = this.placeOf(head);
            const voice = voicesOf[place][Math.min(which, voicesOf[place].length - 1)];
            this.notes.push({ step, voice, element: note, x, y: y + down });
            bar.anchors.set(step, Math.min(x, bar.anchors.get(step) ?? Infinity));
          }),
        );
      });
      const signs = [...element.querySelectorAll(".clef use, .keySig use, .meterSig use")];
      bar.begin = Math.max(bar.left + 150, ...signs.map((sign) => this.placeOf(sign)[0] + 450));
      bar.top = bar.staves[0].top;
      bar.bottom = bar.staves.at(-1).bottom;
      bar.first = bar.system !== before?.system;
      bar.line = bar.first ? { lowest: 0, highest: Infinity } : before.line;
      for (const part of element.querySelectorAll(":scope > .staff, :scope > .fermata")) {
        const { y, height } = part.getBBox(); // with stems and words
        bar.line.lowest = Math.max(bar.line.lowest, bar.bottom, y + height + down);
        bar.line.highest = Math.min(bar.line.highest, bar.top, y + down);
      }
      before = bar;
      if (!bar.anchors.has(start))
        bar.anchors.set(start, Math.min(bar.begin, ...bar.anchors.values()));
      bar.places = [...bar.anchors].sort((one, other) => one[0] - other[0]);
      bar.places.push([stop, bar.right]);
      this.bars.push(bar);
    });
    // a note that is tied over bars is drawn several times: all of them belong to where it begins
    this.heads = new Map();
    for (const note of this.notes) {
      const whole = piece.voices[note.voice].findLast(([start]) => start <= note.step);
      note.begins = whole && note.step < whole[0] + whole[1] ? whole[0] : note.step;
      const name = `${note.voice}/${note.begins}`;
      this.heads.set(name, [...(this.heads.get(name) ?? []), note]);
    }
  }

  placeOf(use) {
    return use
      .getAttribute("transform")
      .match(/-?[\d.]+/g)
      .map(Number);
  }

  barAt(step) {
    return this.bars.find((bar) => step < bar.stop) ?? this.bars.at(-1);
  }

  xOf(step) {
    const bar = this.barAt(step);
    if (step >= bar.stop) return bar.right;
    const next = bar.places.findIndex(([place]) => place > step);
    const [[from, left], [to, right]] = bar.places.slice(
      Math.max(0, next - 1),
      Math.max(0, next - 1) + 2,
    );
    return left + ((right - left) * (step - from)) / (to - from);
  }

  // What lies under a point of the window: bar, step, staff, note, place on the staff, and whether
  // the point is before all notes of a line, on clef and signature.
  placeUnder(event) {
    const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(
      this.page.getScreenCTM().inverse(),
    );
    let best = null,
      nearest = Infinity;
    for (const bar of this.bars) {
      const away =
        Math.max(0, bar.top - point.y, point.y - bar.bottom) * 3 +
        Math.max(0, bar.left - point.x, point.x - bar.right);
      if (away < nearest) [best, nearest] = [bar, away];
    }
    const staff = best.staves.reduce((one, other) =>
      Math.abs((one.top + one.bottom) / 2 - point.y) <=
      Math.abs((other.top + other.bottom) / 2 - point.y)
        ? one
        : other,
    );
    const space = staff.space;
    const hit = this.notes
      .filter(
        (note) =>
          Math.abs(note.x + 0.6 * space - point.x) < space &&
          Math.abs(note.y - point.y) < 0.9 * space,
      )
      .sort((one, other) => Math.abs(one.y - point.y) - Math.abs(other.y - point.y))[0];
    let place = best.places.findLastIndex(([, x]) => x <= point.x + 0.3 * space);
    if (place < 0) place = 0;
    const [from, left] = best.places[place],
      [to, right] = best.places[place + 1] ?? [best.stop, best.right];
    const share =
      right > left ? Math.max(0, Math.min(0.999, (point.x - left) / (right - left))) : 0;
    const step = place + 1 < best.places.length ? from + (to - from) * share : from;
    const top =
      this.staves === 2
        ? staff === best.staves[0]
          ? 38
          : 26
        : [38, 38, 31, 26][best.staves.indexOf(staff)];
    const diatonic = top - Math.round((point.y - staff.top) / (space / 2));
    const beforeNotes = best.first && point.x < best.begin - 2 * space;
    return { bar: best, step, staff, note: hit, diatonic, beforeNotes };
  }

  rectangle(group, x, y, width, height, name) {
    const drawn = document.createElementNS(SVG, "rect");
    Object.entries({ x, y, width: Math.max(0, width), height, rx: 60, class: name }).forEach(
      ([key, value]) => drawn.setAttribute(key, value),
    );
    group.append(drawn);
  }

  // Draws everything that is not notes: selection, locks, faults, cursors.
  mark({ selection, caret, piece, show, faults, surprise, odds, differs, numerals }) {
    this.under.replaceChildren();
    this.over.replaceChildren(...(this.cursor ? [this.cursor] : []));
    if (selection) {
      for (const bar of this.bars) {
        const from = Math.max(bar.start, selection.start),
          to = Math.min(bar.stop, selection.stop);
        if (from >= to) continue;
        const left = this.xOf(from) - 60,
          right = to === bar.stop ? bar.right : this.xOf(to) - 80;
        for (const staff of bar.staves) {
          if (staff.voices.every((voice) => selection.voices.includes(voice)))
            this.rectangle(
              this.under,
              left,
              staff.top - 1.4 * staff.space,
              right - left,
              staff.bottom - staff.top + 2.8 * staff.space,
              "cs-selected",
            );
        }
      }
    }
    const faulty = new Set(),
      space = this.bars[0]?.staves[0].space ?? 180;
    if (show.faults)
      for (const [step, voice] of faults.flatMap(({ notes }) => notes))
        faulty.add(`${voice}/${step}`);
    const other = new Set((differs ?? []).map(([voice, start]) => `${voice}/${start}`));
    for (const [name, heads] of this.heads) {
      const [voice, start] = name.split("/").map(Number);
      const told = piece.voices[voice].find(([begins]) => begins === start);
      const chosen =
        selection &&
        selection.voices.includes(voice) &&
        start < selection.stop &&
        start + (told?.[1] ?? 1) > selection.start;
      for (const head of heads) {
        const list = head.element.classList;
        list.toggle("cs-fault", faulty.has(name));
        list.toggle("cs-chosen", Boolean(chosen));
        list.toggle("cs-differs", other.has(name));
        const nats = show.surprise && surprise?.[start]?.[voice];
        for (let level = 1; level <= 4; level++)
          list.toggle(
            `cs-surprise-${level}`,
            Boolean(nats) && Math.min(4, Math.floor(nats)) === level,
          );
        if (told?.[3])
          this.rectangle(
            this.under,
            head.x - 50,
            head.y - 0.75 * space,
            1.75 * space,
            1.5 * space,
            "cs-locked",
          );
        if (faulty.has(name)) this.ring(head.x + 0.6 * space, head.y, space);
      }
    }
    if (caret) {
      const bar = this.barAt(caret.step),
        staff = bar.staves.find((one) => one.voices.includes(caret.voice));
      this.rectangle(
        this.over,
        this.xOf(caret.step) - 60,
        staff.top - staff.space,
        30,
        staff.bottom - staff.top + 2 * staff.space,
        "cs-caret",
      );
    }
    if (show.numerals) this.write(numerals ?? [], space);
    if (show.critic && odds)
      this.bars.forEach((bar, number) => this.judge(bar, odds[number], space));
  }

  // What the critic says of a bar, above it.
  judge(bar, odds, space) {
    if (odds === undefined) return;
    const y = bar.line.highest - 0.6 * space,
      name = odds < 0 ? "cs-odds cs-low" : "cs-odds",
      text = document.createElementNS(SVG, "text");
    const about = { x: bar.right - 0.4 * space, y: y - 0.5 * space, "font-size": 1.7 * space };
    Object.entries({ ...about, "text-anchor": "end", class: name }).forEach(([key, value]) =>
      text.setAttribute(key, value),
    );
    text.textContent = signed(odds);
    this.over.append(text);
    this.rectangle(this.over, bar.left + 60, y, bar.right - bar.left - 120, 0.2 * space, name);
  }

  // Roman numerals below each line; where two would touch, the second stands lower.
  write(numerals, space) {
    let before = { line: null };
    for (const { start, text: numeral } of numerals) {
      const { line } = this.barAt(start),
        text = document.createElementNS(SVG, "text"),
        x = this.xOf(start);
      text.setAttribute("x", x);
      text.setAttribute("class", "cs-numeral");
      text.setAttribute("font-size", 1.7 * space);
      text.textContent = numeral;
      this.over.append(text);
      const touches = before.line === line && !before.lower && x < before.end;
      text.setAttribute("y", line.lowest + (touches ? 3.7 : 2) * space);
      before = { line, lower: touches, end: x + text.getComputedTextLength() + 0.5 * space };
    }
  }

  ring(x, y, space) {
    const drawn = document.createElementNS(SVG, "ellipse");
    Object.entries({
      cx: x,
      cy: y,
      rx: 1.15 * space,
      ry: 0.95 * space,
      class: "cs-ring",
    }).forEach(([key, value]) => drawn.setAttribute(key, value));
    this.under.append(drawn);
  }

  // The cursor that follows the sound; null takes it away.
  follow(step) {
    this.cursor?.remove();
    this.cursor = null;
    if (step === null || !this.bars.length) return;
    const bar = this.barAt(step),
      space = bar.staves[0].space;
    this.cursor = document.createElementNS(SVG, "rect");
    Object.entries({
      x: this.xOf(step) + 0.3 * space,
      y: bar.top - 2 * space,
      width: 50,
      height: bar.bottom - bar.top + 4 * space,
      class: "cs-cursor",
    }).forEach(([key, value]) => this.cursor.setAttribute(key, value));
    this.over.append(this.cursor);
  }
}
