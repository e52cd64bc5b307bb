"""The Gradio page: a module for each panel, in the order in which a visitor meets them.

picture_panel → settings_panel → feeling_panel → music_panel → heard_panel → files_panel, with status_panel telling
what goes on. performance.py reads the chain and says what each panel shows; layout.py hangs the panels and connects
them; api.py is the same chain for programs. What the panels look like and do in the browser is in assets/ui.
"""
