// Taking away: files, and the Python that does the same.

function taking(desk) {
  const kinds = [
    ["MusicXML", "musicxml"],
    ["MIDI", "midi"],
    ["PDF", "pdf"],
    ["MP3", "mp3"],
    ["Python", "python"],
  ];
  desk.when("file", ({ name, type, of }, [content]) => {
    if (of === "python") showPython(desk, name, type, new TextDecoder().decode(content));
    else save(name, type, content);
  });
  return panel(
    "Take away",
    ...kinds.map(([text, kind]) => {
      const label = kind === "python" ? "The Python that does the same" : `Save as ${text}`;
      const ask = () => desk.send("export", { kind, tempo: desk.tempo });
      return button(text, label, ask, { "data-export": kind });
    }),
  );
}

function showPython(desk, name, type, text) {
  const copy = async (event) => {
    await navigator.clipboard.writeText(text);
    event.target.textContent = "Copied";
  };
  openDialog(
    desk.root,
    "The Python that does the same",
    el("pre", { tabindex: "0" }, text),
    button("Copy", "Copy it", copy, { class: "cs-main" }),
    button("Save", "Save it as a file", () => save(name, type, text)),
  );
}

function save(name, type, content) {
  const link = el("a", {
    href: URL.createObjectURL(new Blob([content], { type })),
    download: name,
  });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
