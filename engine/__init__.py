"""Credits and generations: all rules, all money. Knows no chat, web, queue or vendor library."""
