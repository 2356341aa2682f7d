"""What the text in a design says: headlines, small lines, labels, prices."""

from __future__ import annotations

from layerize.synth.dice import Dice

HEADLINES = (
    "Summer Sale", "Happy Birthday", "Grand Opening", "New Arrivals", "Music Festival", "Open House", "Fresh Coffee",
    "Book Club",
    "City Marathon", "Thank You", "Save The Date", "Hello Spring", "Winter Market", "Art Exhibition", "Travel More",
    "Good Morning",
    "Stay Home", "Black Friday", "Game Night", "Yoga Class", "Food Truck", "Dream Big", "Back To School",
    "Jazz Evening", "Sunday Brunch",
    "Annual Report", "Team Meeting", "Be Yourself", "Night Run", "Green Energy", "Lunch Break", "Photo Contest",
    "Flower Shop",
    "Movie Time", "Pet Adoption", "Wine Tasting", "Design Week", "Tech Talk", "Charity Gala", "Farm Fresh",
    "Keep Going", "Ocean Day",
    "Never Stop", "Just Relax", "Kids Camp", "Pizza Party", "Wild Life", "Road Trip", "Mega Deal", "Welcome Home",
)  # fmt: skip
WORDS = (
    "Sale", "Hello", "Love", "Fresh", "New", "Wow", "Party", "Music", "Travel", "Coffee", "Summer", "Winter",
    "Spring", "Dance", "Smile", "Peace",
    "Run", "Fit", "Style", "Home", "Garden", "Pizza", "Tea", "Enjoy", "Dream", "Event", "Live", "Play", "Go", "Now",
    "Yes", "Free", "Best", "Cool",
    "Magic", "Gold", "Space", "Ocean", "Forest", "Urban", "Retro", "Focus", "Power", "Quiz", "Vote", "Win", "Unique",
    "Bold", "Juice", "Gym",
)  # fmt: skip
LINES = (
    "Saturday 12 May", "Join us today", "Up to 50% off", "From 6 pm till late", "Limited time only", "Free entry",
    "Shop now", "All you need",
    "Every Friday night", "Made with love", "Register online", "Main Street 24", "Live on stage", "Best in town",
    "Learn more", "Since 1987",
    "Order online", "Doors open at 8", "See you there", "www.example.com", "Call 555 0199", "100% natural",
    "Only this week", "Tickets from 15",
    "21 March 2025", "Talks and snacks", "For all ages", "Book your seat", "Buy one get one", "Taste the summer",
)  # fmt: skip
LABELS = (
    "New", "Sale", "50%", "-20%", "Free", "Hot", "Top", "Best", "Now", "Go", "1st", "24h", "Eco", "Bio", "Pro",
    "Vip", "Win", "No.1", "$9", "$19", "Buy", "Join",
    "2 for 1", "Play", "Live", "Yes", "Wow", "OK", "100", "Tea",
)  # fmt: skip


def headline(dice: Dice) -> str:
    """A headline of one to three words."""
    if dice.chance(0.6):
        return dice.pick(HEADLINES)
    return " ".join(dice.sample(WORDS, dice.integer(1, 3)))


def small_line(dice: Dice) -> str:
    """A line for below the headline."""
    return dice.pick(LINES)


def label(dice: Dice) -> str:
    """A very short text for badges and buttons."""
    return dice.pick(LABELS)
