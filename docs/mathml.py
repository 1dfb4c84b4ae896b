"""Render formulas as MathML, which browsers display without scripts or fonts of other hosts."""

import html
import re
from xml.etree import ElementTree

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

NAMESPACE = "http://www.w3.org/1998/Math/MathML"
ACCENTS = set("ˆˉ¯~˜˙¨´`→")


def to_mathml(tex, *, block):
    r"""Return a formula as MathML, with the index of an accented letter as a subscript.

    docutils places the index of ``\hat y_i`` below the letter, as the limit of a sum.
    """
    ElementTree.register_namespace("", NAMESPACE)
    text = tex2mathml(tex, as_block=block)
    # XML defines few entities by name: others, such as &nbsp;, become characters.
    text = re.sub(r"&(?!amp;|lt;|gt;)\w+;", lambda entity: html.unescape(entity[0]), text)
    math = ElementTree.fromstring(text)
    for limits in math.iter(f"{{{NAMESPACE}}}munderover"):
        letter, index, accent = limits
        if accent.text in ACCENTS:
            limits.tag = f"{{{NAMESPACE}}}msub"
            limits[:] = [_element("mover", [letter, accent], accent="true"), index]
    return ElementTree.tostring(math, encoding="unicode")


def _element(tag, children, **attributes):
    """Return a MathML element."""
    element = ElementTree.Element(f"{{{NAMESPACE}}}{tag}", attributes)
    element.extend(children)
    return element


def _write(translator, node, *, block):
    """Write a formula; if it cannot be parsed, warn and write its source as code."""
    try:
        formula = to_mathml(node.astext(), block=block)
    except MathError as error:
        logging.getLogger(__name__).warning("formula: %s", error, location=node)
        formula = f"<code>{html.escape(node.astext())}</code>"
    translator.body.append(f'<div class="formula">{formula}</div>' if block else formula)
    raise nodes.SkipNode


def _visit_inline(translator, node):
    """Write an inline formula."""
    _write(translator, node, block=False)


def _visit_block(translator, node):
    """Write a displayed formula."""
    _write(translator, node, block=True)


def setup(app):
    """Register the renderer, which html_math_renderer = "mathml" selects."""
    app.add_html_math_renderer("mathml", (_visit_inline, None), (_visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
