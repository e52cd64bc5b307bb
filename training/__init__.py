"""How the embedded models are trained and measured; imports `pipelines`, never the reverse."""
