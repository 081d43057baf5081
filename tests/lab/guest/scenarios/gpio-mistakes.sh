# What can be asked of a GPIO chip and not be had; lines of another's request, and several lines of one.
make_gpio_chip
run_guest gpio mistakes
pass "$figures"
