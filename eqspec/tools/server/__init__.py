"""The language server, `eqspec lsp`: what an editor asks of a spec while it is written."""
