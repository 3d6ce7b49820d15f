"""The only place that imports ipywidgets and anywidget: traits, messages, wiring."""
