# The suite that every source passes, on a GPIO line.
make_gpio_chip
run_guest gpio suite
pass "$figures"
