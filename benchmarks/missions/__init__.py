"""Every built-in mission on its real laboratory: are its targets reached, after how many experiments, how much sooner."""
