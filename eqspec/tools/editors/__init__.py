"""What editors and highlighters know of the language: derived from the Lark grammar, never typed again.

`tokens.py` cuts a text into classified pieces; the Pygments lexer uses it as it is. The grammars that
other programs read as files (`editors/` at the root of the project) are printed from the same tables
by `python -m eqspec.tools.editors`, and a test compares them.
"""
