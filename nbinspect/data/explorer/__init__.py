"""A data set as somebody looks at it: searched, sorted, selected, marked; without a page."""
