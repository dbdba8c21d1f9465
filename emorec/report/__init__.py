"""Stage `report`: tables and figures to HTML and PDF."""
