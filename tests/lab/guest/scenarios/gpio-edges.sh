# 100,000 edges of a GPIO line, one after the other: none is lost, and each has its level, its number and its time.
make_gpio_chip
run_guest gpio edges
pass "$figures"
