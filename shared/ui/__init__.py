"""The only part of `shared` that knows Gradio."""
