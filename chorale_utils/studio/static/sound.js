// The choir: four voices that sing "ah", as chorale_utils/sound/audio.py has them sing, in the
// browser's own synthesizer, so that tempo, mute and solo act at once and nothing is downloaded.

const RESONANCES = [
  [750, 130, 1],
  [1150, 160, 0.5],
  [2700, 300, 0.16],
]; // Hz, width, strength
const SINGERS = [-5, 6]; // cents out of tune
const PLACES = [-0.35, 0.4, -0.5, 0.25]; // soprano, alto, tenor, bass: left to right
const LEVELS = [0.2, 0.15, 0.17, 0.2];
const HELD = 1.5; // how many times longer a step lasts under a fermata
const AHEAD = 0.25; // seconds that are given to the synthesizer in advance

// The steps of a piece one after the other as they are sung, all repeats, endings and jumps taken.
function stepsSung({ order, steps }) {
  return (order ?? [[0, steps]]).flatMap(([start, stop]) =>
    Array.from({ length: stop - start }, (_, number) => start + number),
  );
}

// The notes that are sung on these steps, their beginnings counted in them. After a leap all voices
// begin anew: a note is not held into another bar.
function notesSung(piece, steps) {
  const notes = piece.voices.flatMap((voice, number) => {
    const sounding = new Array(piece.steps);
    for (const note of voice) sounding.fill(note, note[0], note[0] + note[1]);
    const sung = [];
    steps.forEach((step, place) => {
      const note = sounding[step];
      if (!note) return;
      if (note[0] === step || steps[place - 1] !== step - 1)
        sung.push({ voice: number, pitch: note[2], start: place, length: 1 });
      else sung.at(-1).length++;
    });
    return sung;
  });
  return notes.sort((one, other) => one.start - other.start);
}

class Choir {
  constructor() {
    this.silent = [false, false, false, false];
    this.waves = new Map();
    this.playing = false;
  }

  // Begins to sing from a step on, in the order in which the piece is sung. `at(step)` is called
  // for each frame, `end()` at the end.
  play(piece, from, tempo, at, end) {
    this.stop();
    this.start();
    this.context.resume();
    this.tempo = tempo;
    this.playing = true;
    this.ends = end;
    const held = new Set(piece.fermatas);
    const whole = stepsSung(piece),
      steps = whole.slice(Math.max(0, whole.indexOf(from)));
    const notes = notesSung(piece, steps);
    let next = 0,
      place = 0,
      time = this.context.currentTime + 0.08;
    const marks = [[time, place]]; // when each step begins
    const seconds = (number) => (15 / this.tempo) * (held.has(steps[number]) ? HELD : 1);
    const go = () => {
      if (!this.playing) return;
      while (place < steps.length && time < this.context.currentTime + AHEAD) {
        while (next < notes.length && notes[next].start === place) {
          const { voice, pitch, start, length } = notes[next++];
          let lasts = 0;
          for (let number = start; number < start + length; number++) lasts += seconds(number);
          this.sing(voice, pitch, time, lasts);
        }
        time += seconds(place);
        marks.push([time, ++place]);
      }
      const now = this.context.currentTime;
      while (marks.length > 2 && marks[1][0] <= now) marks.shift();
      const [[begin, first], [until]] = marks.length > 1 ? marks : [marks[0], marks[0]];
      const share = until > begin ? Math.min(1, Math.max(0, (now - begin) / (until - begin))) : 1;
      at(steps[Math.min(first, steps.length - 1)] + share);
      if (place >= steps.length && now >= time) this.stop();
      else requestAnimationFrame(go);
    };
    go();
  }

  stop() {
    if (!this.playing) return;
    this.playing = false;
    this.hush.gain.setTargetAtTime(0, this.context.currentTime, 0.05);
    this.hush = null;
    this.ends?.();
  }

  // One note at once, as one hears it when it is entered.
  sound(voice, pitch) {
    this.start();
    this.context.resume();
    this.sing(voice, pitch, this.context.currentTime + 0.01, 0.4);
  }

  mute(voice, silent) {
    this.silent[voice] = silent;
    if (this.channels)
      this.channels[voice].gain.setTargetAtTime(silent ? 0 : 1, this.context.currentTime, 0.02);
  }

  start() {
    if (!this.context) {
      this.context = new AudioContext();
      this.room = this.context.createConvolver();
      this.room.buffer = this.echo();
      const wet = this.context.createGain();
      wet.gain.value = 0.35;
      this.out = this.context.createDynamicsCompressor();
      this.out.connect(this.context.destination);
      this.room.connect(wet).connect(this.out);
    }
    if (!this.hush) {
      this.hush = this.context.createGain();
      this.hush.connect(this.out);
      this.hush.connect(this.room);
      this.channels = PLACES.map((place, voice) => {
        const channel = this.context.createGain(),
          pan = this.context.createStereoPanner();
        channel.gain.value = this.silent[voice] ? 0 : 1;
        pan.pan.value = place;
        channel.connect(pan).connect(this.hush);
        return channel;
      });
    }
  }

  sing(voice, pitch, time, lasts) {
    const envelope = this.context.createGain(),
      level = LEVELS[voice];
    const rise = Math.min(0.045, lasts / 2),
      fall = 0.11;
    envelope.gain.setValueAtTime(0, time);
    envelope.gain.linearRampToValueAtTime(level, time + rise);
    envelope.gain.setValueAtTime(level, time + lasts);
    envelope.gain.linearRampToValueAtTime(0, time + lasts + fall);
    envelope.connect(this.channels[voice]);
    for (const cents of SINGERS) {
      const singer = this.context.createOscillator();
      singer.setPeriodicWave(this.wave(pitch));
      singer.frequency.value = 440 * 2 ** ((pitch - 69) / 12);
      singer.detune.value = cents;
      singer.connect(envelope);
      singer.start(time);
      singer.stop(time + lasts + fall);
    }
  }

  // One period of the vowel at a pitch: harmonics that fall off, lifted where the vowel resonates.
  wave(pitch) {
    if (!this.waves.has(pitch)) {
      const frequency = 440 * 2 ** ((pitch - 69) / 12),
        count = Math.max(1, Math.floor(5000 / frequency));
      const real = new Float32Array(count + 1),
        imaginary = new Float32Array(count + 1);
      for (let number = 1; number <= count; number++) {
        const lifted = RESONANCES.reduce(
          (sum, [centre, width, strength]) =>
            sum + strength / (1 + ((number * frequency - centre) / width) ** 2),
          0.25,
        );
        const strength = lifted / number ** 1.1,
          phase = (2 * Math.PI * number ** 2) / 7;
        real[number] = strength * Math.cos(phase);
        imaginary[number] = strength * Math.sin(phase);
      }
      this.waves.set(pitch, this.context.createPeriodicWave(real, imaginary));
    }
    return this.waves.get(pitch);
  }

  // What a room gives back: noise that dies away in a second.
  echo() {
    const rate = this.context.sampleRate,
      room = this.context.createBuffer(2, rate, rate);
    for (let ear = 0; ear < 2; ear++) {
      const samples = room.getChannelData(ear);
      for (let at = 0; at < rate; at++)
        samples[at] = (Math.random() * 2 - 1) * Math.exp((-6.9 * at) / rate) * 0.5;
    }
    return room;
  }
}
