// Beginning a piece: new, from a file, from a hymn; its title, key and metre.

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
const LARGEST_FILE = 8_000_000; // bytes

function beginning(desk) {
  const describe = (about) => desk.send("describe", about);
  const options = (names, text = (name) => name) =>
    names.map((name) => el("option", { value: name }, text(name)));
  const title = el("input", {
    type: "text",
    placeholder: "Untitled",
    maxlength: "200",
    onchange: () => describe({ title: title.value }),
  });
  const key = el(
    "select",
    { onchange: () => describe({ key: key.value }) },
    ...options(KEY_NAMES, readable),
  );
  const metre = el(
    "select",
    { onchange: () => describe({ time_signature: metre.value }) },
    ...options(METRES),
  );
  const pickup = el("input", {
    type: "number",
    min: 0,
    max: 15,
    step: 0.25,
    value: 0,
    title: "Quarters before the first bar line",
    onchange: () => describe({ pickup: Math.round(4 * pickup.value) }),
  });
  const tuneOnly = el("input", { type: "checkbox", checked: true });
  const file = el("input", {
    type: "file",
    accept: ".mid,.midi,.musicxml,.xml,.mxl,.krn,.csv",
    class: "cs-hidden",
    tabindex: "-1",
    "aria-hidden": "true",
    onchange: () => {
      if (file.files[0]) open(file.files[0]);
      file.value = "";
    },
  });

  async function open(chosen) {
    if (chosen.size > LARGEST_FILE) {
      const many = `${chosen.size.toLocaleString("en")} bytes`;
      return desk.say(`${chosen.name}: ${many}: expected at most 8,000,000.`, true);
    }
    const content = await chosen.arrayBuffer();
    desk.send("file", { name: chosen.name, tune_only: tuneOnly.checked }, [content]);
  }

  desk.root.addEventListener("dragover", (event) => {
    event.preventDefault();
    desk.root.classList.add("cs-dropping");
  });
  desk.root.addEventListener("dragleave", () => desk.root.classList.remove("cs-dropping"));
  desk.root.addEventListener("drop", (event) => {
    event.preventDefault();
    desk.root.classList.remove("cs-dropping");
    if (event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });

  // Hymns by their titles, asked for when somebody wants one

  const names = new Map();
  const list = el("datalist", { id: `cs-hymns-${crypto.getRandomValues(new Uint32Array(1))[0]}` });
  const hymn = el("input", {
    type: "text",
    list: list.id,
    placeholder: "a hymn by its title",
    onfocus: () => {
      if (!names.size) desk.send("hymns");
    },
    onchange: () => {
      const name = names.get(hymn.value);
      if (!name) return;
      desk.send("hymn", { name, tune_only: tuneOnly.checked });
      hymn.value = "";
    },
  });
  desk.when("hymns", (hymns) => {
    for (const [name, text] of hymns) {
      const label = names.has(text) ? `${text} (${name})` : text;
      names.set(label, name);
      list.append(el("option", { value: label }));
    }
  });

  // A field is not touched while somebody types in it; a key or metre of a file is one more choice.
  const choose = (field, value, text) => {
    if (![...field.options].some((option) => option.value === value))
      field.append(el("option", { value }, text));
    field.value = value;
  };
  desk.when("piece", (piece) => {
    fill(title, piece.title);
    choose(key, piece.key, readable(piece.key));
    choose(metre, piece.metre, piece.metre);
    fill(pickup, piece.pickup / 4);
  });

  const empty = button("New", "An empty piece in this metre and key", () => {
    desk.begin();
    const about = { time_signature: metre.value, key: key.value };
    desk.send("new", { ...about, pickup: Math.round(4 * pickup.value) });
    desk.enter(true);
  });
  const formats = "MIDI, MusicXML, kern or CSV; you can also drop it here";
  return [
    panel(
      "Begin",
      empty,
      button("Open a file…", formats, () => file.click()),
      file,
      labelled("Hymn", hymn),
      list,
      checked("tune only", tuneOnly),
    ),
    panel(
      "Piece",
      labelled("Title", title),
      labelled("Key", key),
      labelled("Metre", metre),
      labelled("Pickup, in quarters", pickup),
    ),
  ];
}

// Other versions of this work, such as one from another tab: each is opened or deleted here.
function versions(desk) {
  const list = el("ul", { class: "cs-versions" });
  const made = panel("Other versions", list);
  made.hidden = true;
  desk.when("versions", (kept) => {
    made.hidden = !kept.length;
    list.replaceChildren(...kept.map((one) => version(desk, one)));
  });
  return made;
}

function version(desk, { name, title, bars, notes, saved }) {
  const counted = (many, what) => `${many} ${what}${many === 1 ? "" : "s"}`;
  const style = { dateStyle: "medium", timeStyle: "short" },
    when = new Date(1000 * saved).toLocaleString([], style);
  const about = `${title || "Untitled"}, ${counted(bars, "bar")}, ${counted(notes, "note")}`;
  const send = (more) => desk.send("version", { name, ...more });
  const drop = button("Delete", `Delete: ${about}`, () => {
    if (drop.textContent !== "Delete") return send({ delete: true });
    drop.textContent = "Delete for good?";
    drop.setAttribute("aria-label", `Delete for good: ${about}`);
  });
  drop.addEventListener("blur", () => {
    drop.textContent = "Delete";
    drop.setAttribute("aria-label", `Delete: ${about}`);
  });
  return el(
    "li",
    {},
    el("span", {}, `${about}; saved ${when}`),
    el(
      "span",
      { class: "cs-group" },
      button("Open", `Open: ${about}; what is shown now stays here`, () => send()),
      drop,
    ),
  );
}
