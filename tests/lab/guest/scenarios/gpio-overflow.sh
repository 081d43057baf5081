# More edges than the kernel has room for: those that are lost are counted, exactly.
make_gpio_chip
run_guest gpio overflow
pass "$figures"
