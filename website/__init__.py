"""How the documentation site is put together: `mkdocs build --strict`."""
