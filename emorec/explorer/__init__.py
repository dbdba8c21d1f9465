"""The explorer: one page in which a reader looks at the faces, what each model says of them and where it errs."""
