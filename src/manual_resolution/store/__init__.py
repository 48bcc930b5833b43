"""The only package that contains the queue's SQL: one function per statement, literal text, one typed answer."""
