// What the panels do when a lesson comes to its next stage; the stages are Python's (lessons.py).

function followLesson(viewer) {
  const { editor, settings } = viewer;
  const { lesson } = viewer.scene;
  if (lesson === "draw") editor.begin();
  else if (lesson === "seen") {
    const isDrawn = editor.putAway();
    if (!isDrawn) editor.drop();
    Object.assign(settings, { mode: viewer.arms.has("edited") ? "edited" : "both", reference: true, metric: "dsc" });
    viewer.goTo(viewer.chosen);
  } else if (lesson === "changed") settings.mode = "both";
  editor.fill();
}
