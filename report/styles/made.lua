-- The line under a figure that says what it was made from. Pandoc's Typst writer drops a span's class.
function Span(span)
  if span.classes:includes("made") and FORMAT:match("typst") then
    local line = pandoc.List({ pandoc.RawInline("typst", "#linebreak()#text(size: 8pt)[") })
    line:extend(span.content)
    line:insert(pandoc.RawInline("typst", "]"))
    return line
  end
end
