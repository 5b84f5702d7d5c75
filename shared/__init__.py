"""What every app stands on; nothing in here knows an app or imports Gradio, `shared.ui` excepted."""
