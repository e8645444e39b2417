//! Words of the widgets beside the steps of a chapter, a file each, in both languages.
