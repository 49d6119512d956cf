"""From a spreadsheet to recipients: opening, cells as people see them, columns, addresses."""
